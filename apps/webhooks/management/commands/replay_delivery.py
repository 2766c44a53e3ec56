"""`manage.py replay_delivery GUID ...` or a filter: handle deliveries once more."""

import sys
from typing import Any

from django.core.management.base import CommandError, CommandParser
from rest_framework.exceptions import ValidationError

from apps.webhooks import queries, replays
from apps.webhooks.models import Delivery
from apps.webhooks.replays import Replay, TooMany
from apps.webhooks.representations import replay_as_json
from apps.webhooks.serializers import ReplayFilter, asked
from apps.webhooks.states import DeliveryState
from meshsix.kit.actor import Actor
from meshsix.web.command import Exit, PlatformCommand

_FIELDS = ("project", "event", "action", "state", "hook", "since", "until")


class Command(PlatformCommand):
    help = "Handle deliveries once more: by guid, or all that a filter fits. What was told before is not told again."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("guids", nargs="*", metavar="GUID", help="Guids or ids of deliveries.")
        parser.add_argument("--project", metavar="OWNER/REPO")
        parser.add_argument("--event", help="GitHub's name of the event, such as issues.")
        parser.add_argument("--action", help="Such as closed.")
        parser.add_argument("--state", choices=[item.value for item in DeliveryState])
        parser.add_argument("--hook", metavar="KEY")
        parser.add_argument("--since", metavar="TIME", help="Received from this moment on, such as 2026-01-31T12:00Z.")
        parser.add_argument("--until", metavar="TIME", help="Received before this moment.")
        parser.add_argument("--dry-run", action="store_true", help="Only say what would happen.")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ANN401, ARG002 - as Django calls it
        given = {name: options[name] for name in _FIELDS if options[name]}
        if bool(options["guids"]) == bool(given):
            raise CommandError("Name guids, or a filter such as --state dead: not both.", returncode=Exit.USAGE)
        actor, dry_run = self.actor(options["as_user"]), options["dry_run"]
        if given:
            done = _filtered(given, actor=actor, dry_run=dry_run)
        else:
            found = [_called(guid) for guid in dict.fromkeys(options["guids"])]
            done = replays.replay_each(found, actor=actor, dry_run=dry_run)
        self._show(done)
        sys.exit(Exit.FAILED if done.refused else Exit.DONE)

    def _show(self, done: Replay) -> None:
        if self.as_json:
            self.give(replay_as_json(done))
            return
        for verdict in done.shown:
            row, said = verdict.delivery, verdict.refusal or ("would be replayed" if done.dry_run else "replayed")
            self.console.print(f"{row.guid} {row.event} {row.action}: {said}", markup=False)
        would = "would be " if done.dry_run else ""
        self.console.print(f"{done.replayed} of {done.matched} {would}replayed, {done.refused} refused.", markup=False)


def _filtered(given: dict[str, Any], *, actor: Actor, dry_run: bool) -> Replay:
    checked = ReplayFilter(data=given)
    try:
        checked.is_valid(raise_exception=True)
        return replays.replay_all(queries.everything(), asked(checked.validated_data), actor=actor, dry_run=dry_run)
    except ValidationError as error:
        raise CommandError(_told(error), returncode=Exit.USAGE) from error
    except TooMany as error:
        raise CommandError(str(error), returncode=Exit.USAGE) from error


def _told(error: ValidationError) -> str:
    detail = error.detail if isinstance(error.detail, dict) else {"filter": error.detail}
    return " ".join(f"{name}: {' '.join(map(str, wrong))}" for name, wrong in detail.items())


def _called(guid: str) -> Delivery:
    rows = queries.called(queries.everything(), guid)
    if not rows:
        raise CommandError(f"There is no delivery {guid}.", returncode=Exit.USAGE)
    return rows[0]
