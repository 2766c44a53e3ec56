"""What every command of the platform shares: exit codes, `--json`, `--as`, and clean output in a pipe."""

import getpass
import json
import sys
from enum import IntEnum
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console

from meshsix.kit.actor import Actor, ActorKind, Door


class Exit(IntEnum):
    """How a command ends."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    WAITS = 3
    INTERRUPTED = 130


class PlatformCommand(BaseCommand):
    """A command with `--json` (one object on stdout, all else on stderr) and `--as USER` (who acts)."""

    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Add what all commands take; subclasses call it first."""
        parser.add_argument(
            "--json", action="store_true", help="Print one JSON object on stdout and nothing else there."
        )
        parser.add_argument("--as", dest="as_user", default="", metavar="USER", help="The account that acts.")

    def execute(self, *args: Any, **options: Any) -> str | None:  # noqa: ANN401 - Django hands options on untyped
        """Run the command; Ctrl-C ends with 130 and leaves what was started alone."""
        self.as_json = bool(options.get("json"))
        self.console = Console(stderr=self.as_json, soft_wrap=not sys.stdout.isatty(), highlight=False)
        try:
            return super().execute(*args, **options)
        except KeyboardInterrupt:
            self.stderr.write("Interrupted: what was started goes on.")
            sys.exit(Exit.INTERRUPTED)

    def actor(self, as_user: str) -> Actor:
        """Return who acts: the account named by `--as`, else the operator at this machine."""
        if as_user and not get_user_model().objects.filter(username=as_user, is_active=True).exists():
            raise CommandError(f"There is no active account {as_user!r}.", returncode=Exit.USAGE)
        return Actor(kind=ActorKind.USER, name=as_user or getpass.getuser(), door=Door.CLI)

    def give(self, value: object) -> None:
        """Print the command's one JSON object."""
        self.stdout.write(json.dumps(value, default=str, ensure_ascii=False))
