"""kill -9 between sending a notice and recording it: another process finds what the channel allows, and no more."""

import pytest

from apps.agents.registry.models import Task
from apps.agents.roster.notices.models import Delivery
from apps.agents.roster.notices.states import ChannelName
from deploy.local.servers import OpenBao
from tests.crash.durable.conftest import until
from tests.crash.roster.dying import release, running, stands_on
from tests.engine_process import DEADLINE_SECONDS
from tests.service.registry.conftest import Office
from tests.service.roster.mail_desk import (
    DISCORD,
    NTFY,
    SLACK,
    Mail,
    chat_server,
    mail,
    ntfy_server,
    office,
    submitted,
)

__all__ = ["chat_server", "mail", "ntfy_server", "office"]
pytestmark = pytest.mark.usefixtures("transactional_db")


@pytest.fixture
def environment(mail: Mail, vault_environment: OpenBao) -> dict[str, str]:
    """What a process needs to stand on the database and the vendors of this test."""
    return {
        **stands_on(vault_environment),
        "NTFY_URL": mail.ntfy.url,
        "NTFY_TOKEN": "planted-ntfy-token",
        "NTFY_TIMEOUT_SECONDS": "300",
        "NOTIFY_HOSTS": mail.chat.url.removeprefix("http://"),
        "NOTIFY_TIMEOUT_SECONDS": "300",
    }


def killed_once_sent(
    office: Office, mail: Mail, environment: dict[str, str], channel: ChannelName, severity: str
) -> Task:
    """Let a process die that has sent a notice and waits for the answer; return the task as it is given out again."""
    office.succeeded("notifier", "+++", capability="notify")
    mail.server(channel).fault("timeout", match={"changes": True}, effect=True)
    task = office.begin(submitted(office, channel, severity=severity))
    with running(task, "perform", environment) as worker:
        until(lambda: mail.count(channel) == 1, lambda: f"{worker.poll()} {mail.server(channel).requests()}")
    mail.server(channel).no_faults()
    assert Delivery.objects.get().state == "sending"
    release(task, "perform")
    return office.again(task)


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ((NTFY, "info"), ("completed", "sent", 1)),
        ((SLACK, "error"), ("failed", "unknown", 1)),
        ((DISCORD, "info"), ("failed", "unknown", 1)),
        ((SLACK, "critical"), ("completed", "sent", 2)),
    ],
)
def test_a_notice_whose_sender_was_killed_is_found_or_repeated_as_its_channel_allows(
    office: Office,
    mail: Mail,
    environment: dict[str, str],
    sent: tuple[ChannelName, str],
    meant: tuple[str, str, int],
) -> None:
    channel, severity = sent
    task = office.begin(killed_once_sent(office, mail, environment, channel, severity))
    with running(task, "perform", environment) as other:
        assert other.wait(DEADLINE_SECONDS) == 0
    task.refresh_from_db()
    row = Delivery.objects.get()
    assert (task.status, row.state, mail.count(channel)) == meant, task.error
    assert row.attempts == len(("killed", "done"))
    if channel is NTFY:
        assert (mail.shown(), row.message_id) == (1, mail.notices()[0]["id"])
    if row.state == "unknown":
        assert task.error is not None
        assert task.error["code"] == "delivery_unknown"
    if row.repeated:
        titles = [each["body"]["attachments"][0]["title"] for each in mail.posts()]
        assert titles == ["Critical", "Repeat, it may have arrived before: Critical"]
