"""`manage.py ensure_partitions`: makes the event log's partitions ahead of time."""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from meshsix.kit import clock
from meshsix.live import partitions
from meshsix.web.command import PlatformCommand


class Command(PlatformCommand):
    help = "Make the monthly partitions of the event log ahead of time; move rows out of DEFAULT."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--months", type=int, default=settings.EVENT_PARTITIONS_AHEAD_MONTHS, help="How many months ahead."
        )

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ANN401, ARG002 - Django hands options on untyped
        done = partitions.ensure(clock.now().date(), months=options["months"])
        if self.as_json:
            self.give({"made": done.made, "moved": done.moved})
        else:
            self.console.print(f"{len(done.made)} partitions made, {done.moved} rows moved out of DEFAULT.")
