"""`manage.py onboard OWNER/REPO`: start an onboarding, and follow it with `--wait`."""

import sys
from typing import Any

from django.core.management.base import CommandError, CommandParser
from rest_framework.exceptions import ValidationError

from apps.onboarding import queries, services, watch
from apps.onboarding.representations import as_json
from apps.onboarding.serializers import ask_from, explain
from apps.onboarding.states import Status
from apps.onboarding.words import Ask, AuthMethod, ExecutionMode
from meshsix.web.command import Exit, PlatformCommand

ENDS: dict[str, Exit] = {
    Status.COMPLETED: Exit.DONE,
    Status.FAILED: Exit.FAILED,
    Status.CANCELLED: Exit.FAILED,
    Status.WAITING_AUTH: Exit.WAITS,
}


class Command(PlatformCommand):
    help = "Onboard a GitHub repository: OWNER/REPO or its address."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("repository", metavar="OWNER/REPO")
        parser.add_argument("--display-name", default="")
        parser.add_argument("--default-branch", default="")
        parser.add_argument("--mode", dest="execution_mode", choices=[mode.value for mode in ExecutionMode])
        parser.add_argument("--auth-method", choices=[method.value for method in AuthMethod], default="login")
        parser.add_argument("--skip-auth", action="store_true")
        parser.add_argument("--skip-litellm", action="store_true")
        parser.add_argument("--adopt-board", type=int, metavar="NUMBER")
        parser.add_argument("--max-budget", metavar="USD")
        parser.add_argument("--default-model", metavar="MODEL")
        parser.add_argument("--wait", action="store_true", help="Follow it until it ends or waits for a person.")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ANN401, ARG002 - as Django calls it
        try:
            row = services.start_onboarding(_ask(options), actor=self.actor(options["as_user"]))
        except services.AlreadyOnboarding as error:
            raise CommandError(f"{error} Follow it: manage.py onboarding_status --follow", returncode=1) from error
        if options["wait"]:
            row = watch.follow(row, self.console, until=watch.settled)
        if self.as_json:
            self.give(as_json(queries.detail(row)))
        else:
            self.console.print(f"Onboarding {row.full_name}: {row.status} ({row.pk})", markup=False)
            if row.oauth_device_url and not self.console.is_terminal:
                self.console.print(watch.sign_in_lines(row), markup=False)
        sys.exit(ENDS.get(row.status, Exit.DONE))


def _ask(options: dict[str, Any]) -> Ask:
    given = {
        name: options[name]
        for name in ("repository", "display_name", "default_branch", "execution_mode", "auth_method", "adopt_board")
        if options[name]
    }
    budget = {name: options[name] for name in ("max_budget", "default_model") if options[name]}
    flags = {name: options[name] for name in ("skip_auth", "skip_litellm")}
    try:
        return ask_from(given | flags | ({"litellm": budget} if budget else {}))
    except ValidationError as error:
        raise CommandError(explain(error.detail), returncode=Exit.USAGE) from error
