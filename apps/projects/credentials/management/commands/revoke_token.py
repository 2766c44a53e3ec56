"""`manage.py revoke_token ID`, or `--environment NAME` for all tokens of an environment."""

from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser

from apps.projects.credentials import tokens
from apps.projects.credentials.models import AccessToken
from meshsix.web.command import Exit, PlatformCommand


class Command(PlatformCommand):
    help = "Revoke a token by its id (the part of it between the two underscores), or all of an environment."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("id", nargs="?", type=UUID, help="The token's id; never the token itself.")
        which.add_argument("--environment", default="", metavar="NAME")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ANN401, ARG002 - as Django calls it
        rows = AccessToken.objects.filter(pk=options["id"]) if options["id"] else _of(options["environment"])
        if not rows.exists():
            raise CommandError("There is no such token.", returncode=Exit.FAILED)
        revoked = tokens.revoke_all(rows, actor=self.actor(options["as_user"]))
        if self.as_json:
            self.give({"revoked": revoked})
        else:
            self.console.print(f"Revoked: {revoked}.")


def _of(environment: str) -> Any:  # noqa: ANN401 - a QuerySet of tokens
    return AccessToken.objects.filter(environment=environment)
