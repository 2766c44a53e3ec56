"""`manage.py smoke [AGENT ...] [--json]`: let agents show that they work, through the API."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import httpx
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import CommandError, CommandParser

from apps.agents.roster import smoking
from apps.agents.roster.smoking import Ending, Outcome
from apps.projects.credentials import tokens
from apps.projects.credentials.models import Scope, TokenClass
from meshsix.web.command import Exit, PlatformCommand

_LIFE = timedelta(hours=6)
_TIMEOUT_SECONDS = 30
_COLOURS = {Ending.PASSED: "green", Ending.FAILED: "red", Ending.SKIPPED: "yellow"}


class Command(PlatformCommand):
    help = "Run the smoke tests of these agents, or of all that are configured; `agents`: the milestones M1, M2, M3."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("agents", nargs="*", metavar="AGENT")
        parser.add_argument("--url", default=settings.PUBLIC_URL, help="Where the platform is; else PUBLIC_URL.")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ANN401, ARG002 - as Django calls it
        actor = self.actor(options["as_user"])
        owner = User.objects.filter(username=actor.name, is_active=True).first()
        if owner is None:
            raise CommandError("Name the account that asks for the tasks: --as USER.", returncode=Exit.USAGE)
        outcomes = []
        with self._http(owner, options["url"]) as http:
            for outcome in smoking.run(smoking.trials(options["agents"]), http):
                outcomes.append(outcome)
                self._print(outcome)
        good = all(outcome.is_good for outcome in outcomes)
        if self.as_json:
            self.give({"good": good, "results": [asdict(each) for each in outcomes]})
        sys.exit(Exit.DONE if good else Exit.FAILED)

    @contextmanager
    def _http(self, owner: User, url: str) -> Iterator[httpx.Client]:
        """Yield a client with a token that is revoked at the end."""
        try:
            row, token = tokens.issue(
                owner, [Scope.OPERATE], name="smoke tests", token_class=TokenClass.SERVICE, life=_LIFE
            )
        except tokens.NotAllowed as error:
            raise CommandError(str(error), returncode=Exit.FAILED) from error
        headers = {"Authorization": f"Bearer {token}"}
        try:
            with httpx.Client(base_url=url, headers=headers, timeout=_TIMEOUT_SECONDS) as http:
                yield http
        finally:
            tokens.revoke(row.pk, actor=self.actor(owner.get_username()))

    def _print(self, outcome: Outcome) -> None:
        colour = _COLOURS[outcome.ending]
        self.console.print(f"[{colour}]{outcome.ending:<7}[/{colour}]", end=" ")
        facts = (outcome.detail, _rests_on(outcome.basis))
        told = "; ".join(each for each in facts if each)
        line = f"{outcome.agent_id}  {outcome.title}  {outcome.seconds:.1f} s  {told}"
        self.console.print(line, markup=False)


def _rests_on(basis: Mapping[str, Any]) -> str:
    """Return on what an answer rests, in one line."""
    tools = [f"{each['name']} x{each['calls']}" for each in basis.get("tools", ())]
    sources = [str(each["url"]) for each in basis.get("sources", ())]
    missing = [f"missing {each}" for each in basis.get("missing", ())]
    told = [*basis.get("models", ()), *tools, *sources, *missing, basis.get("notice", "")]
    return f"basis: {', '.join(each for each in told if each) or 'nothing was read'}"
