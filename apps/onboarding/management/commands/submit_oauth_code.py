"""`manage.py submit_oauth_code RUN`: hand in the code of a sign-in, read from stdin or a hidden prompt."""

import getpass
import sys
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser

from apps.onboarding import queries, services
from apps.onboarding.models import Onboarding
from apps.projects.credentials.services import BadCode
from meshsix.kit import names
from meshsix.web.command import Exit, PlatformCommand


class Command(PlatformCommand):
    help = (
        "Hand in the code of a waiting sign-in. The code is read from stdin or a hidden prompt, never from an argument."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("run", metavar="RUN", help="The onboarding's id, or OWNER/REPO.")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ANN401, ARG002 - as Django calls it
        row = _onboarding(options["run"])
        code = getpass.getpass("Code: ") if sys.stdin.isatty() else sys.stdin.readline()
        if not code.strip():
            raise CommandError("No code was given: pipe it in or type it at the prompt.", returncode=Exit.USAGE)
        try:
            services.submit_code(row.pk, code.strip(), actor=self.actor(options["as_user"]))
        except (services.NotNow, BadCode) as error:
            raise CommandError(str(error), returncode=Exit.FAILED) from error
        if self.as_json:
            self.give({"id": str(row.pk), "accepted": True})
        else:
            self.console.print("Thank you: the onboarding goes on.")


def _onboarding(text: str) -> Onboarding:
    try:
        found = Onboarding.objects.filter(pk=UUID(text)).first()
    except ValueError:
        try:
            found = queries.latest(queries.all_onboardings(), names.parse_repository(text))
        except names.BadName as error:
            raise CommandError(str(error), returncode=Exit.USAGE) from error
    if found is None:
        raise CommandError(f"There is no onboarding {text}.", returncode=Exit.FAILED)
    return found
