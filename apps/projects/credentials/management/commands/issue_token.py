"""`manage.py issue_token --for USER --scope SCOPE [--project OWNER/REPO | --shared-host] [--days N]`."""

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import CommandError, CommandParser

from apps.projects import queries as projects
from apps.projects.credentials import tokens
from apps.projects.credentials.models import Scope, TokenClass
from apps.projects.models import SHARED_HOST, Project
from meshsix.kit import names
from meshsix.web.command import Exit, PlatformCommand


class Command(PlatformCommand):
    help = "Make an access token. It is printed once, alone on stdout, and stored as a hash."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--for", dest="owner", required=True, metavar="USER", help="Whose token it is.")
        parser.add_argument("--scope", dest="scopes", action="append", required=True, choices=Scope.values)
        parser.add_argument("--project", dest="projects", action="append", default=[], metavar="OWNER/REPO")
        parser.add_argument("--shared-host", action="store_true", help="With the scope runner: the shared host's.")
        parser.add_argument("--name", default="", help="What it is for.")
        parser.add_argument(
            "--class", dest="token_class", choices=[TokenClass.PERSONAL, TokenClass.SERVICE], default=TokenClass.SERVICE
        )
        parser.add_argument("--days", type=int, default=tokens.USUAL_LIFE.days, help="How long it lives, at most 365.")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ANN401, ARG002 - as Django calls it
        owner = User.objects.filter(username=options["owner"], is_active=True).first()
        if owner is None:
            raise CommandError(f"There is no active account {options['owner']!r}.", returncode=Exit.USAGE)
        bound = [_project(text) for text in options["projects"]]
        try:
            row, plaintext = tokens.issue(
                owner,
                options["scopes"],
                name=options["name"],
                token_class=TokenClass(options["token_class"]),
                projects=[project.pk for project in bound],
                environment=_environment(bound, shared_host=options["shared_host"]),
                life=timedelta(days=options["days"]),
                actor=self.actor(options["as_user"]),
            )
        except tokens.NotAllowed as error:
            raise CommandError(str(error), returncode=Exit.FAILED) from error
        if self.as_json:
            self.give({"id": row.pk, "token": plaintext, "expires_at": row.expires_at, "scopes": row.scopes})
            return
        self.stdout.write(plaintext)
        self.stderr.write(f"Token {row.pk}, until {row.expires_at:%Y-%m-%d}. It is not shown again.")


def _environment(bound: list[Project], *, shared_host: bool) -> str:
    if shared_host:
        return SHARED_HOST
    return bound[0].env_name if len(bound) == 1 else ""


def _project(text: str) -> Project:
    try:
        found = projects.by_name(names.parse_repository(text))
    except names.BadName as error:
        raise CommandError(str(error), returncode=Exit.USAGE) from error
    if found is None:
        raise CommandError(f"There is no project {text!r}.", returncode=Exit.USAGE)
    return found
