"""`manage.py createagenttoken AGENT --capability NAME [...] --for USER [--project OWNER/REPO ...] [--days N]`."""

import re
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import CommandError, CommandParser

from apps.agents.registry.models.agents import AGENT_ID
from apps.projects import queries as projects
from apps.projects.credentials import tokens
from apps.projects.credentials.models import Scope, TokenClass
from apps.projects.models import Project
from meshsix.kit import names
from meshsix.web.command import Exit, PlatformCommand


class Command(PlatformCommand):
    help = "Make a token for one agent outside and what it may offer. It is printed once and stored as a hash."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("agent_id", metavar="AGENT", help="The agent's id; not one of this deployment.")
        parser.add_argument("--capability", dest="capabilities", action="append", required=True, metavar="NAME")
        parser.add_argument("--for", dest="owner", required=True, metavar="USER", help="Who answers for the agent.")
        parser.add_argument("--project", dest="projects", action="append", default=[], metavar="OWNER/REPO")
        parser.add_argument("--days", type=int, default=tokens.USUAL_LIFE.days, help="How long it lives, at most 365.")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ANN401, ARG002 - as Django calls it
        owner = User.objects.filter(username=options["owner"], is_active=True).first()
        if owner is None:
            raise CommandError(f"There is no active account {options['owner']!r}.", returncode=Exit.USAGE)
        agent_id = options["agent_id"]
        if not re.fullmatch(AGENT_ID, agent_id) or agent_id in {"score", *settings.AGENTS}:
            raise CommandError(f"{agent_id!r} cannot be the id of an agent outside.", returncode=Exit.USAGE)
        try:
            row, plaintext = tokens.issue(
                owner,
                [Scope.AGENT],
                name=f"Agent {agent_id}"[:100],
                token_class=TokenClass.AGENT,
                projects=[_project(text).pk for text in options["projects"]],
                agent=tokens.Bound(agent_id=agent_id, capabilities=tuple(options["capabilities"])),
                life=timedelta(days=options["days"]),
                actor=self.actor(options["as_user"]),
            )
        except tokens.NotAllowed as error:
            raise CommandError(str(error), returncode=Exit.FAILED) from error
        if self.as_json:
            self.give({"id": row.pk, "token": plaintext, "expires_at": row.expires_at, "agent_id": agent_id})
            return
        self.stdout.write(plaintext)
        self.stderr.write(f"Token {row.pk}, until {row.expires_at:%Y-%m-%d}. It is not shown again.")


def _project(text: str) -> Project:
    try:
        found = projects.by_name(names.parse_repository(text))
    except names.BadName as error:
        raise CommandError(str(error), returncode=Exit.USAGE) from error
    if found is None:
        raise CommandError(f"There is no project {text!r}.", returncode=Exit.USAGE)
    return found
