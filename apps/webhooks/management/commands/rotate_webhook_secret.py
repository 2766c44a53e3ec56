"""`manage.py rotate_webhook_secret OWNER/REPO`: a new secret for the repository's webhook, or its organization's."""

import sys
import time
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser

from apps.webhooks.rotation import services
from meshsix.durable.models import Run, StepRow
from meshsix.durable.states import OPEN_RUNS, RunState
from meshsix.kit import names
from meshsix.web.command import Exit, PlatformCommand

_LOOK_EVERY_SECONDS = 0.2


class Command(PlatformCommand):
    help = "Give a webhook a new secret. Deliveries that are signed with the old one are accepted for 24 hours."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("repository", metavar="OWNER/REPO")
        parser.add_argument("--organization", action="store_true", help="The webhook of the repository's organization.")
        parser.add_argument("--no-wait", action="store_true", help="Only start it; workers do the rest.")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ANN401, ARG002 - as Django calls it
        try:
            repository = names.parse_repository(options["repository"])
        except names.BadName as error:
            raise CommandError(str(error), returncode=Exit.USAGE) from error
        try:
            hook = services.hook_of(repository, organization=options["organization"])
            run_id = services.rotate(hook, actor=self.actor(options["as_user"])).pk
        except services.NoHook as error:
            raise CommandError(str(error), returncode=Exit.FAILED) from error
        except services.UnderWay as error:
            self.console.print(str(error), markup=False)
            run_id = error.run_id
        run = Run.objects.get(pk=run_id) if options["no_wait"] else _ended(run_id)
        self._show(run)
        sys.exit(Exit.DONE if run.state == RunState.COMPLETED or options["no_wait"] else Exit.FAILED)

    def _show(self, run: Run) -> None:
        failed = StepRow.objects.filter(run=run, state="failed").first()
        if self.as_json:
            told = {"run_id": run.pk, "state": run.state, "error_code": run.error_code, "error_hint": run.error_hint}
            self.give(told)
            return
        self.console.print(f"Rotation {run.state} ({run.pk})", markup=False)
        if failed is not None:
            self.console.print(f"{failed.name}: {failed.error_code}: {failed.error_detail}", markup=False)
            self.console.print(failed.error_hint, markup=False)


def _ended(run_id: UUID) -> Run:
    """Return the run once it is over. Ctrl-C leaves it to the workers."""
    while True:
        run = Run.objects.get(pk=run_id)
        if run.state not in OPEN_RUNS:
            return run
        time.sleep(_LOOK_EVERY_SECONDS)
