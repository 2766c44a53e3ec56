"""notifier against the sandboxes of ntfy and of the chats: what arrives, once, and what a crash leaves."""

import io
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from apps.agents.registry.models import Task
from apps.agents.roster.notices import services
from apps.agents.roster.notices.channels import CHANNELS
from apps.agents.roster.notices.models import Delivery, Destination
from apps.agents.roster.notices.states import ChannelName, Severity
from apps.agents.roster.notices.words import Dispatch, Letter, Target
from meshsix import wiring
from meshsix.durable.outcomes import Permanent
from meshsix.live.models import Event
from meshsix.wiring import Clients
from tests.service.registry.conftest import Office
from tests.service.roster.mail_desk import (
    CONSOLE,
    DISCORD,
    NTFY,
    SLACK,
    TOKEN,
    TOPIC,
    Mail,
    chat_server,
    error_of,
    mail,
    ntfy_server,
    office,
    submitted,
)

__all__ = ["chat_server", "mail", "ntfy_server", "office"]
COLORS = {"info": "#36a64f", "warning": "#ff9900", "error": "#ff0000", "critical": "#8b0000"}


def notified(office: Office, channel: ChannelName, **payload: object) -> Task:
    return office.work(submitted(office, channel, **payload))


FULL = {
    "severity": "error",
    "title": "Scan <failed>",
    "link": "https://mesh.example.org/runs/1",
    "actions": [{"label": "Open", "url": "https://mesh.example.org/a"}],
    "metadata": {"total": 3},
}


def test_a_slack_post_has_color_title_facts_and_buttons(office: Office, mail: Mail) -> None:
    task = notified(office, SLACK, **FULL)
    assert (task.status, task.error) == ("completed", None)
    assert task.result is not None
    assert (task.result["delivered"], task.result["channel"]) == (True, "slack")
    (post,) = mail.posts()
    assert post["body"]["attachments"] == [
        {
            "color": COLORS["error"],
            "fallback": "Scan &lt;failed&gt;: 3 findings",
            "title": "Scan &lt;failed&gt;",
            "title_link": "https://mesh.example.org/runs/1",
            "text": "3 findings",
            "mrkdwn_in": [],
            "fields": [{"title": "total", "value": "3", "short": True}],
            "actions": [{"type": "button", "text": "Open", "url": "https://mesh.example.org/a"}],
        }
    ]
    row = Delivery.objects.get()
    assert (row.state, row.attempts, row.task_id) == ("sent", 1, task.task_id)
    moves = Event.objects.filter(aggregate_id=f"task:{task.task_id}", payload__entity=f"delivery:{row.pk}")
    assert [each.payload["to"] for each in moves.order_by("aggregate_seq")] == ["sending", "sent"]
    said = json.dumps([[each.payload for each in Event.objects.all()], task.result])
    assert TOKEN not in said


def test_a_discord_post_keeps_to_its_limits_mentions_nobody_and_gives_its_id(office: Office, mail: Mail) -> None:
    many = {f"name {number}": "v" * 900 for number in range(20)}
    task = notified(office, DISCORD, severity="critical", message="*" * 4000, metadata=many)
    assert (task.status, task.error) == ("completed", None)
    (post,) = mail.posts()
    assert post["body"]["allowed_mentions"] == {"parse": []}
    assert post["body"]["embeds"][0]["color"] == 0x8B0000
    assert task.result is not None
    assert task.result["message_id"] == post["id"]


@pytest.mark.parametrize(("severity", "priority"), [("info", 3), ("warning", 4), ("error", 4), ("critical", 5)])
def test_ntfy_rings_by_severity(office: Office, mail: Mail, severity: str, priority: int) -> None:
    notified(office, NTFY, severity=severity)
    (notice,) = mail.notices()
    assert (notice["priority"], notice["message"]) == (priority, "3 findings")
    assert notice["sequence_id"] == Delivery.objects.get().pk.hex


def test_without_a_destination_ntfy_takes_the_topic_of_the_platform(
    office: Office, mail: Mail, settings: Settings
) -> None:
    Destination.objects.filter(name="ntfy").delete()
    settings.NTFY_TOPIC = TOPIC
    assert notified(office, NTFY).status == "completed"
    assert [each["message"] for each in mail.notices()] == ["3 findings"]
    assert error_of(notified(office, NTFY, destination="nowhere"))[2] == "destination_missing"
    with pytest.raises(Permanent, match="destination_missing"):
        services.target("ntfy", channel=NTFY, project="octo-org/secret", vault=wiring.clients().vault)
    settings.NTFY_TOPIC = ""
    assert error_of(notified(office, NTFY, message="to nowhere"))[2] == "destination_missing"


def test_what_is_too_long_for_ntfy_is_cut_by_its_bytes(office: Office, mail: Mail) -> None:
    notified(office, NTFY, message="€" * 4000)
    (notice,) = mail.notices()
    assert len(notice["message"].encode()) <= 4096
    assert notice["message"].endswith("€ [cut]")


def test_the_console_writes_to_the_tasks_own_log(office: Office) -> None:
    task = notified(office, CONSOLE, metadata={"total": 3})
    assert (task.status, task.error) == ("completed", None)
    told = office.event(task, "task.progress")
    assert (told["status"], told["details"]["message"]) == ("notice", "3 findings")
    assert told["details"]["metadata"] == {"total": "3"}
    assert Delivery.objects.get().state == "sent"


@pytest.mark.parametrize("channel", [SLACK, DISCORD, NTFY])
def test_500_then_200_delivers_once(office: Office, mail: Mail, channel: ChannelName) -> None:
    mail.server(channel).fault("status", status=500, match={"changes": True}, times=1)
    task = notified(office, channel)
    assert error_of(task) == ("pending", "try_later", "try_later")
    assert Delivery.objects.get().state == "not-sent"
    task = office.work(office.again(task))
    assert (task.status, mail.count(channel)) == ("completed", 1)


def test_a_chat_that_wants_a_pause_gets_it(office: Office, mail: Mail) -> None:
    mail.chat.fault("status", status=429, headers={"Retry-After": "7"})
    task = notified(office, SLACK)
    assert error_of(task)[1] == "try_later"
    assert task.pauses is not None
    (until,) = task.pauses.values()
    assert (datetime.fromisoformat(until) - task.updated_at).total_seconds() > 5


@pytest.mark.parametrize("channel", [SLACK, DISCORD, NTFY])
def test_a_refusal_fails_for_good(office: Office, mail: Mail, channel: ChannelName) -> None:
    mail.server(channel).fault("status", status=404, times=None)
    assert error_of(notified(office, channel)) == ("failed", "permanent", "delivery_refused")
    assert mail.count(channel) == 0 if channel is not NTFY else True


@pytest.mark.parametrize(
    ("channel", "severity", "meant"),
    [
        (NTFY, "info", ("completed", 1)),
        (SLACK, "error", ("failed", 1)),
        (DISCORD, "info", ("failed", 1)),
        (SLACK, "critical", ("completed", 2)),
    ],
)
def test_a_call_whose_answer_was_lost_is_never_simply_repeated(
    office: Office, mail: Mail, channel: ChannelName, severity: str, meant: tuple[str, int]
) -> None:
    mail.server(channel).fault("drop-after-effect", match={"changes": True}, times=1)
    task = notified(office, channel, severity=severity)
    assert (error_of(task)[1], mail.count(channel)) == ("try_later", 1)
    task = office.work(office.again(task))
    assert (task.status, mail.count(channel)) == meant
    if meant[0] == "failed":
        assert error_of(task)[2] == "delivery_unknown"
        assert Delivery.objects.get().state == "unknown"
    if meant[1] == 2:
        titles = [each["body"]["attachments"][0]["title"] for each in mail.posts()]
        assert titles == ["Critical", "Repeat, it may have arrived before: Critical"]


def test_what_is_critical_is_repeated_once_and_no_more(office: Office, mail: Mail) -> None:
    mail.chat.fault("drop-after-effect", match={"changes": True}, times=2)
    task = office.run(submitted(office, SLACK, severity="critical"))
    assert (error_of(task)[2], mail.count(SLACK)) == ("delivery_unknown", 2)


class Killed(BaseException):
    """The process dies here."""


def dispatch(channel: ChannelName, secret: str, severity: Severity = Severity.INFO) -> Dispatch:
    return Dispatch(
        letter=Letter(title="t", message="m", severity=severity),
        target=Target(channel=channel, name=channel.value, secret=secret),
        project="",
        key="dedup:one",
        task_id=uuid4(),
        trace_id="",
        agent_id="notifier",
    )


def test_killed_between_sending_and_recording_ntfy_shows_one_message(office: Office, mail: Mail) -> None:  # noqa: ARG001 - its clients
    def dying(letter: Letter, target: Target, key: str, clients: Clients) -> str:
        CHANNELS[NTFY].send(letter, target, key, clients)
        raise Killed

    wanted, clients = dispatch(NTFY, TOPIC), wiring.clients()
    with pytest.raises(Killed):
        services.deliver(wanted, clients, channels={NTFY: replace(CHANNELS[NTFY], send=dying)})
    assert (Delivery.objects.get().state, mail.count(NTFY)) == ("sending", 1)
    row = services.deliver(wanted, clients)
    assert (row.state, row.attempts, mail.count(NTFY), mail.shown()) == ("sent", 2, 1, 1)
    assert row.message_id == mail.notices()[0]["id"]


def test_killed_with_ntfy_not_to_be_read_back_the_message_is_replaced_in_place(office: Office, mail: Mail) -> None:  # noqa: ARG001 - its clients
    blind = {NTFY: replace(CHANNELS[NTFY], find=None)}
    wanted = dispatch(NTFY, TOPIC)
    row = services.deliver(wanted, wiring.clients(), channels=blind)
    Delivery.objects.update(state="sending", sent_at=None, message_id="")
    services.deliver(wanted, wiring.clients(), channels=blind)
    assert {each["sequence_id"] for each in mail.notices()} == {row.pk.hex}
    assert (mail.count(NTFY), mail.shown()) == (2, 1)


def test_while_another_task_is_sending_the_same_notice_it_is_waited_for(office: Office, mail: Mail) -> None:
    first = submitted(office, SLACK, dedup_key="disk full")
    Delivery.objects.create(
        channel="slack",
        destination="slack",
        key="dedup:disk full",
        severity="info",
        state="sending",
        task_id=first.task_id,
        begun_at=first.created_at,
    )
    second = notified(office, SLACK, dedup_key="disk full")
    assert (error_of(second)[1], mail.count(SLACK)) == ("try_later", 0)


def test_a_second_notice_with_the_same_key_is_not_sent_again(office: Office, mail: Mail) -> None:
    results = [notified(office, NTFY, dedup_key="disk full").result for _ in range(2)]
    assert results[0] is not None
    assert results[1] is not None
    assert (results[0]["message_id"], mail.count(NTFY)) == (results[1]["message_id"], 1)
    assert results[0]["sent_at"] == results[1]["sent_at"]


@pytest.mark.parametrize(
    ("channel", "name"), [(SLACK, "nowhere"), (SLACK, "ntfy"), (SLACK, "others"), (SLACK, "emptied")]
)
def test_without_a_destination_of_its_own_nothing_is_sent(
    office: Office, mail: Mail, channel: ChannelName, name: str
) -> None:
    vault = wiring.clients().vault
    services.add_destination("others", channel=SLACK, project="octo/other", secret="x", vault=vault)
    Destination.objects.create(name="emptied", channel=SLACK, vault_path=f"mesh-six/notify/_platform/{uuid4()}")
    assert error_of(notified(office, channel, destination=name)) == ("failed", "permanent", "destination_missing")
    assert mail.chat.requests() == []


@pytest.mark.parametrize("url", ["https://127.0.0.1:1/hook", "http://hooks.example.org/x", "no address"])
def test_an_address_inside_or_without_tls_is_refused(office: Office, mail: Mail, url: str) -> None:
    vault = wiring.clients().vault
    services.add_destination("inside", channel=SLACK, project="", secret=url, vault=vault)
    task = notified(office, SLACK, destination="inside")
    assert error_of(task) == ("failed", "permanent", "delivery_refused")
    assert url not in json.dumps(task.error)
    assert mail.chat.requests() == []


@pytest.fixture
def typed() -> Iterator[Callable[[str], None]]:
    """Let a text stand on stdin."""
    before = sys.stdin

    def type_(text: str) -> None:
        sys.stdin = io.StringIO(text)

    yield type_
    sys.stdin = before


@pytest.mark.usefixtures("office")
def test_a_destination_is_named_by_a_command_and_its_address_lies_in_vault(
    capsys: pytest.CaptureFixture[str], typed: Callable[[str], None]
) -> None:
    for secret in ("https://hooks.example.org/1", "https://hooks.example.org/2"):
        typed(f"{secret}\n")
        call_command("add_destination", "ops", "--channel", "slack", "--project", "Octo/App", "--json")
        row = Destination.objects.get(name="ops")
        assert wiring.clients().vault.read(row.vault_path).data == {"url": secret}
    assert (row.project, row.vault_path) == ("octo/app", "mesh-six/notify/octo/app/ops")
    assert "hooks.example.org" not in capsys.readouterr().out
    typed("x\n")
    with pytest.raises(CommandError):
        call_command("add_destination", "Not A Name", "--channel", "slack")
