"""`manage.py onboarding_status [OWNER/REPO]`: what onboardings are doing."""

import sys
from typing import Any

from django.core.management.base import CommandError, CommandParser
from rich.table import Table

from apps.onboarding import queries, watch
from apps.onboarding.management.commands.onboard import ENDS
from apps.onboarding.models import Onboarding
from apps.onboarding.representations import OnboardingSerializer, as_json
from meshsix.kit import names
from meshsix.web.command import Exit, PlatformCommand

_MOST = 50


class Command(PlatformCommand):
    help = "Show the latest onboardings, or everything about one."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("repository", nargs="?", metavar="OWNER/REPO")
        parser.add_argument("--follow", action="store_true", help="Follow it until it ends.")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ANN401, ARG002 - as Django calls it
        if not options["repository"]:
            self._list()
            return
        row = _latest(options["repository"])
        if options["follow"]:
            row = watch.follow(row, self.console, until=watch.finished)
        detail = queries.detail(row)
        if self.as_json:
            self.give(as_json(detail))
        elif not options["follow"] or not self.console.is_terminal:
            self.console.print(watch.render(detail))
        sys.exit(ENDS.get(row.status, Exit.DONE))

    def _list(self) -> None:
        rows = queries.all_onboardings()[:_MOST]
        if self.as_json:
            self.give({"results": OnboardingSerializer(rows, many=True).data})
            return
        if not rows:
            self.console.print("No repository was onboarded yet. Start with: manage.py onboard OWNER/REPO")
            return
        if not self.console.is_terminal:
            for row in rows:
                self.stdout.write("\t".join(_cells(row)))
            return
        table = Table("Repository", "Status", "Phase", "Progress", "Started", "Id")
        for row in rows:
            table.add_row(*_cells(row))
        self.console.print(table)


def _cells(row: Onboarding) -> tuple[str, ...]:
    started = f"{row.created_at:%Y-%m-%d %H:%M}"
    return row.full_name, row.status, row.current_phase, f"{row.progress:.0%}", started, str(row.pk)


def _latest(text: str) -> Onboarding:
    try:
        row = queries.latest(queries.all_onboardings(), names.parse_repository(text))
    except names.BadName as error:
        raise CommandError(str(error), returncode=Exit.USAGE) from error
    if row is None:
        raise CommandError(f"{text} was never onboarded. Start with: manage.py onboard {text}", returncode=Exit.FAILED)
    return row
