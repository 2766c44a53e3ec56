"""`manage.py mcp --as USER`: the MCP server over stdio; the protocol alone on stdout, logs on stderr."""

from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.module_loading import import_string

from meshsix.web.command import Exit


class Command(BaseCommand):
    help = "Serve the MCP tools over stdio for one account."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--as", dest="as_user", required=True, metavar="USER", help="The account that acts.")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ANN401, ARG002 - as Django calls it
        user = User.objects.filter(username=options["as_user"], is_active=True).first()
        if user is None:
            raise CommandError(f"There is no active account {options['as_user']!r}.", returncode=Exit.USAGE)
        import_string(settings.MCP_SERVER)(user).run("stdio")
