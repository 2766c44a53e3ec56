"""`manage.py reconcile_board OWNER/REPO`: read the project's board now, whether it is due or not."""

import sys
from typing import Any

from django.core.management.base import CommandError, CommandParser

from apps.projects import queries as projects
from apps.webhooks.repair import polling
from apps.webhooks.repair.polling import Polled
from meshsix.kit import names
from meshsix.web.command import Exit, PlatformCommand
from meshsix.wiring import clients


class Command(PlatformCommand):
    help = "Read a project's board at GitHub now and tell what changed since it was last read. Exit 3: being read."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("repository", metavar="OWNER/REPO")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ANN401, ARG002 - as Django calls it
        try:
            project = projects.by_name(names.parse_repository(options["repository"]))
        except names.BadName as error:
            raise CommandError(str(error), returncode=Exit.USAGE) from error
        if project is None or not project.board_id:
            raise CommandError(f"{options['repository']} is no project with a board.", returncode=Exit.USAGE)
        self._tell(polling.poll_now(project.pk, clients()))

    def _tell(self, polled: Polled | None) -> None:
        """Print what came of it, and exit accordingly."""
        if polled is None:
            self._say({"state": "busy"}, "Somebody else reads this board at this moment; try again in a minute.")
            sys.exit(Exit.WAITS)
        if polled.error:
            self._say({"state": "failed", "error": polled.error}, f"The board could not be read: {polled.error}")
            sys.exit(Exit.FAILED)
        new = [told for told in polled.told if told.is_new]
        events = [{"event": told.event.kind, "issue": told.event.issue, "facts": told.event.facts} for told in new]
        lines = [f"{told.event.kind}  #{told.event.issue or '-'}" for told in new]
        summary = f"{polled.cards} cards read, {len(new)} changes told."
        self._say({"state": "done", "cards": polled.cards, "told": events}, "\n".join([*lines, summary]))

    def _say(self, facts: dict[str, object], words: str) -> None:
        if self.as_json:
            self.give(facts)
        else:
            self.console.print(words, markup=False)
