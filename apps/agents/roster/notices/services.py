"""Delivering a letter once: a row before the call, and after a crash what the channel allows."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from apps.agents.roster.notices import queries
from apps.agents.roster.notices.channels import CHANNELS, Channel
from apps.agents.roster.notices.models import Delivery, Destination
from apps.agents.roster.notices.states import ChannelName, DeliveryEvent, DeliveryState, Severity, after, on_finding
from apps.agents.roster.notices.words import Dispatch, Letter, Target
from meshsix.durable.outcomes import Permanent
from meshsix.integrations.chat import Unanswered
from meshsix.integrations.errors import Refused, TryLater, VendorError
from meshsix.integrations.vault import Absent, Vault
from meshsix.kit import clock, names
from meshsix.live import services as live
from meshsix.wiring import Clients

UNDER_WAY = timedelta(seconds=60)
"""For so long another task's delivery of the same notice counts as being sent."""
_REPEAT = "Repeat, it may have arrived before: "
_MISSING = "destination_missing"


def target(name: str, *, channel: ChannelName, project: str, vault: Vault) -> Target:
    """Return where a notice goes. Raises Permanent `destination_missing`; TryLater where Vault is away.

    The platform's own topic is the destination `ntfy` where nobody made another one of this name; never for a project,
    of which not all who read that topic may hear.
    """
    if channel is ChannelName.CONSOLE:
        return Target(channel=channel)
    row = queries.destination(name, channel=channel, project=project)
    if row is None and name == channel == ChannelName.NTFY and settings.NTFY_TOPIC and not project:
        return Target(channel=channel, name=name, secret=settings.NTFY_TOPIC)
    if row is None:
        hint = f"Let an admin run `manage.py add_destination {name} --channel {channel}`, or name another destination."
        raise Permanent(_MISSING, hint=hint, detail=f"There is no destination {name} of the channel {channel}.")
    try:
        secret = vault.read(row.vault_path).data.get(_field(channel), "")
    except Absent:
        secret = ""
    if not secret:
        hint = f"Let an admin run `manage.py add_destination {name} --channel {channel}` again."
        raise Permanent(_MISSING, hint=hint, detail=f"Vault keeps no {_field(channel)} for the destination {name}.")
    return Target(channel=channel, name=name, secret=secret)


def _field(channel: ChannelName) -> str:
    return "topic" if channel is ChannelName.NTFY else "url"


def add_destination(name: str, *, channel: ChannelName, project: str, secret: str, vault: Vault) -> Destination:
    """Keep an address or a topic in Vault and name it, or give a destination a new one. Raises ValidationError."""
    where = {"name": name, "project": project.lower()}
    row = Destination.objects.filter(**where).first() or Destination(**where)
    row.channel, row.vault_path = channel, names.notification_path(project, name)
    row.full_clean()
    try:
        version = vault.read(row.vault_path).version
    except Absent as absent:
        version = absent.version
    vault.write(row.vault_path, {_field(channel): secret}, cas=version)
    row.save()
    return row


def deliver(dispatch: Dispatch, clients: Clients, *, channels: Mapping[ChannelName, Channel] = CHANNELS) -> Delivery:
    """Send a letter unless it was sent; return its row.

    Raises TryLater, and Permanent `delivery_refused` or `delivery_unknown`. Where no answer came the row stays as it
    is: the next attempt finds it unfinished.
    """
    row = _claim(dispatch)
    if row.state == DeliveryState.SENT:
        return row
    if row.state == DeliveryState.UNKNOWN:
        raise _unknown(row)
    if row.channel == ChannelName.CONSOLE:
        return _write_down(row, dispatch, clients, channels[ChannelName.CONSOLE])
    channel = channels[ChannelName(row.channel)]
    try:
        found = channel.find(dispatch.target, row.pk.hex, clients) if channel.find and row.attempts > 1 else ""
        message_id = found or channel.send(_marked(dispatch, row), dispatch.target, row.pk.hex, clients)
    except Unanswered:
        raise
    except VendorError as error:
        _settle(row, dispatch, DeliveryEvent.DECLINE)
        raise _meaning(error) from error
    return _settle(row, dispatch, DeliveryEvent.ACCEPT, message_id=message_id)


@transaction.atomic
def _claim(dispatch: Dispatch) -> Delivery:
    """Return the row of this letter, written or moved for a call; as it stands where nothing is to be sent."""
    now, this = clock.now(), dispatch.target
    row, is_new = Delivery.objects.select_for_update().get_or_create(
        project=dispatch.project,
        channel=this.channel,
        destination=this.name,
        key=dispatch.key,
        defaults={
            "severity": dispatch.letter.severity,
            "state": DeliveryState.SENDING,
            "task_id": dispatch.task_id,
            "begun_at": now,
        },
    )
    if is_new:
        _tell(row, dispatch, None, "begin")
        return row
    if row.state in {DeliveryState.SENT, DeliveryState.UNKNOWN}:
        return row
    event = DeliveryEvent.BEGIN
    if row.state == DeliveryState.SENDING:
        if row.task_id != dispatch.task_id and row.begun_at > now - UNDER_WAY:
            raise TryLater("Another task is sending this notice.", pause=timedelta(seconds=5))
        event = on_finding(ChannelName(row.channel), Severity(dispatch.letter.severity), repeated=row.repeated)
    return _begin_again(row, dispatch, event)


def _begin_again(row: Delivery, dispatch: Dispatch, event: DeliveryEvent) -> Delivery:
    before, row.state = row.state, after(DeliveryState(row.state), event)
    row.task_id, row.begun_at, row.attempts = dispatch.task_id, clock.now(), row.attempts + 1
    row.repeated = row.repeated or event is DeliveryEvent.REPEAT
    row.save(update_fields=["state", "task_id", "begun_at", "attempts", "repeated"])
    _tell(row, dispatch, before, event)
    return row


@transaction.atomic
def _settle(row: Delivery, dispatch: Dispatch, event: DeliveryEvent, *, message_id: str = "") -> Delivery:
    """Note what came of the call, if the row is still where the call left it: losing is normal."""
    before = DeliveryState(row.state)
    state = after(before, event)
    facts: dict[str, Any] = {"state": state, "message_id": message_id[:200]}
    if state is DeliveryState.SENT:
        facts["sent_at"] = clock.now()
    moved = Delivery.objects.filter(pk=row.pk, state=before, attempts=row.attempts).update(**facts)
    row.refresh_from_db()
    if moved:
        _tell(row, dispatch, before, event)
    return row


@transaction.atomic
def _write_down(row: Delivery, dispatch: Dispatch, clients: Clients, console: Channel) -> Delivery:
    """Write to the log and, in one transaction with the row, to the task's own."""
    letter = dispatch.letter
    details = {"title": letter.title, "message": letter.message, "severity": letter.severity.value, "link": letter.link}
    settled = _settle(row, dispatch, DeliveryEvent.ACCEPT)
    payload = {"attempt": row.attempts, "status": "notice", "details": {**details, "metadata": dict(letter.facts)}}
    _publish(dispatch, "task.progress", payload)
    console.send(letter, dispatch.target, row.pk.hex, clients)
    return settled


def _marked(dispatch: Dispatch, row: Delivery) -> Letter:
    letter = dispatch.letter
    return replace(letter, title=f"{_REPEAT}{letter.title}") if row.repeated else letter


def _meaning(error: VendorError) -> VendorError | Permanent:
    if isinstance(error, Refused):
        return Permanent("delivery_refused", hint=error.hint, detail=str(error))
    return error


def _unknown(row: Delivery) -> Permanent:
    detail = f"Nobody knows whether the notice reached {row.channel}: the call was cut off, and it is not sent again."
    hint = "Look whether it arrived; if it did not, ask for it as a new task, without this dedup_key."
    return Permanent("delivery_unknown", hint=hint, detail=detail)


def _tell(row: Delivery, dispatch: Dispatch, before: str | None, trigger: str) -> None:
    facts = {"channel": row.channel, "destination": row.destination, "attempts": row.attempts, "repeated": row.repeated}
    moved = {
        "entity": f"delivery:{row.pk}",
        "from": before,
        "to": str(row.state),
        "trigger": str(trigger),
        "reason": "",
    }
    _publish(dispatch, "state.transition", {**moved, **facts})


def _publish(dispatch: Dispatch, event_type: str, payload: Mapping[str, object]) -> None:
    live.publish(
        event_type=event_type,
        aggregate_id=f"task:{dispatch.task_id}",
        payload=payload,
        trace_id=dispatch.trace_id,
        task_id=str(dispatch.task_id),
        agent_id=dispatch.agent_id,
    )
