"""`manage.py redeliver_missing [OWNER/REPO]`: compare what GitHub sent with what came in, and ask for the rest."""

import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError, CommandParser

from apps.projects import queries as projects
from apps.webhooks.repair import claims, mending, places, queries, watch
from apps.webhooks.repair.models import HookWatch
from apps.webhooks.repair.watch import Looked
from meshsix.kit import clock, names
from meshsix.web.command import Exit, PlatformCommand
from meshsix.wiring import clients


class Command(PlatformCommand):
    help = "Ask GitHub again for deliveries that did not come in: of one project's hooks, or of all."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("repository", nargs="?", metavar="OWNER/REPO")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ANN401, ARG002 - as Django calls it
        actor, found = self.actor(options["as_user"]), {}
        claims.make(clock.now())
        for row in self._watches(options["repository"]):
            mending.redeliver_missing(row, actor=actor)
            found[row] = watch.look(row.pk, clients())
        self._tell(found)

    def _watches(self, repository: str | None) -> list[HookWatch]:
        if repository is None:
            return list(HookWatch.objects.select_related("hook__project"))
        try:
            project = projects.by_name(names.parse_repository(repository))
        except names.BadName as error:
            raise CommandError(str(error), returncode=Exit.USAGE) from error
        if project is None:
            raise CommandError(f"{repository} is no project.", returncode=Exit.USAGE)
        return list(queries.of_project(project).select_related("hook__project"))

    def _tell(self, found: dict[HookWatch, Looked | None]) -> None:
        """Print a line a hook; exit 1 where one could not be looked at, 3 where somebody else does it."""
        for row, looked in found.items():
            if not self.as_json:
                self.console.print(f"{places.name_of(row)}: {_words(looked)}", markup=False)
        if self.as_json:
            self.give({places.name_of(row): asdict(looked) if looked else None for row, looked in found.items()})
        if any(looked is not None and looked.error for looked in found.values()):
            sys.exit(Exit.FAILED)
        if None in found.values():
            sys.exit(Exit.WAITS)


def _words(looked: Looked | None) -> str:
    if looked is None:
        return "somebody else looks at it at this moment"
    if looked.error:
        return looked.error
    wrong = f"; the webhook does not work: {', '.join(looked.troubles)}" if looked.troubles else ""
    return f"{looked.missing} missing, {looked.asked_for} asked for{wrong}"
