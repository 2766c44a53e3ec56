"""`manage.py add_destination NAME --channel slack|discord|ntfy [--project OWNER/REPO] < ADDRESS`."""

import getpass
import sys
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser

from apps.agents.roster.notices import services
from apps.agents.roster.notices.states import ChannelName
from meshsix.integrations.errors import VendorError
from meshsix.web.command import Exit, PlatformCommand
from meshsix.wiring import clients


class Command(PlatformCommand):
    help = "Name a place that notices may go to. Its address (ntfy: its topic) is read from stdin and kept in Vault."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("name", help="For example `ops`.")
        choices = [each.value for each in ChannelName if each is not ChannelName.CONSOLE]
        parser.add_argument("--channel", required=True, choices=choices)
        parser.add_argument("--project", default="", metavar="OWNER/REPO", help="Whose it is; without: everybody's.")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ANN401, ARG002 - as Django calls it
        secret = (getpass.getpass("Address or topic: ") if sys.stdin.isatty() else sys.stdin.readline()).strip()
        if not secret:
            raise CommandError("Give the address, or ntfy's topic, on stdin.", returncode=Exit.USAGE)
        try:
            row = services.add_destination(
                options["name"],
                channel=ChannelName(options["channel"]),
                project=options["project"],
                secret=secret,
                vault=clients().vault,
            )
        except ValidationError as error:
            raise CommandError("; ".join(error.messages), returncode=Exit.USAGE) from error
        except VendorError as error:
            raise CommandError(f"{error} {error.hint}", returncode=Exit.FAILED) from error
        if self.as_json:
            self.give({"id": row.pk, "name": row.name, "channel": row.channel, "vault_path": row.vault_path})
        else:
            self.stdout.write(f"Notices for {row.name} go to {row.channel}; its secret lies at {row.vault_path}.")
