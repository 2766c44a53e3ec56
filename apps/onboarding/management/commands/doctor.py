"""`manage.py doctor [OWNER/REPO]`: prove every permission before the first step, and print the exact fix."""

import sys
from typing import Any

from django.core.management.base import CommandError, CommandParser

from apps.onboarding.doctor import services
from apps.onboarding.doctor.report import Report, State
from apps.onboarding.doctor.representations import as_json, table
from apps.onboarding.words import AuthMethod
from meshsix.kit import names
from meshsix.web.command import Exit, PlatformCommand
from meshsix.wiring import clients


class Command(PlatformCommand):
    help = "Check what onboarding needs, of the platform and of one repository. Changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("repository", nargs="?", metavar="OWNER/REPO")
        parser.add_argument(
            "--only",
            action="append",
            default=[],
            metavar="CHECK",
            choices=services.choices(),
            help=f"Only this check or area; may be given again. One of: {', '.join(services.choices())}.",
        )
        parser.add_argument(
            "--auth-method", choices=[method.value for method in AuthMethod], default=AuthMethod.LOGIN.value
        )

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ANN401, ARG002 - as Django calls it
        try:
            repository = names.parse_repository(options["repository"]) if options["repository"] else None
        except names.BadName as error:
            raise CommandError(str(error), returncode=Exit.USAGE) from error
        self._tell(
            services.examine(
                repository, clients(), auth_method=AuthMethod(options["auth_method"]), only=options["only"]
            )
        )

    def _tell(self, report: Report) -> None:
        if self.as_json:
            self.give(as_json(report))
        elif self.console.is_terminal:
            self.console.print(table(report))
        else:
            self._lines(report)
        if not self.as_json:
            self.console.print(report.summary, markup=False)
        sys.exit(Exit.FAILED if report.state is State.FAILED else Exit.DONE)

    def _lines(self, report: Report) -> None:
        """Print one line a finding, for a pipe."""
        for finding in report.findings:
            self.stdout.write(f"{finding.state}\t{finding.name}\t{finding.fact}")
            if finding.fix:
                self.stdout.write("\n".join(f"\tfix\t{line}" for line in finding.fix.splitlines()))
