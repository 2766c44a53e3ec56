"""How each channel sends a letter and, where it can be, finds it again. No database."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import structlog

from apps.agents.roster.notices.states import ChannelName, Severity
from apps.agents.roster.notices.words import Letter, Target
from meshsix.durable.outcomes import Permanent
from meshsix.integrations.chat import Link, Post
from meshsix.integrations.ntfy import Notice, Ntfy, OpenLink, Priority
from meshsix.kit import redact
from meshsix.wiring import Clients

COLORS = {
    Severity.INFO: "#36a64f",
    Severity.WARNING: "#ff9900",
    Severity.ERROR: "#ff0000",
    Severity.CRITICAL: "#8b0000",
}
PRIORITIES = {
    Severity.INFO: Priority.DEFAULT,
    Severity.WARNING: Priority.HIGH,
    Severity.ERROR: Priority.HIGH,
    Severity.CRITICAL: Priority.URGENT,
}
_NTFY_BYTES = 4096
_CUT = " [cut]"
_log = structlog.get_logger(__name__)

Send = Callable[[Letter, Target, str, Clients], str]
"""Send a letter to its target under a key; return the vendor's id of it, empty where it names none."""


@dataclass(frozen=True, kw_only=True)
class Channel:
    """One way to people. `find` returns the id of what was sent under a key, empty where nothing was."""

    send: Send
    find: Callable[[Target, str, Clients], str] | None = None


def _slack(letter: Letter, target: Target, key: str, clients: Clients) -> str:
    del key
    return clients.chat.slack(target.secret, _post(letter))


def _discord(letter: Letter, target: Target, key: str, clients: Clients) -> str:
    del key
    return clients.chat.discord(target.secret, _post(letter))


def _post(letter: Letter) -> Post:
    return Post(
        title=letter.title,
        message=letter.message,
        color=COLORS[letter.severity],
        link=letter.link,
        links=tuple(Link(label=each.label, url=each.url) for each in letter.buttons),
        facts=letter.facts,
    )


def _ntfy(letter: Letter, target: Target, key: str, clients: Clients) -> str:
    notice = Notice(
        title=letter.title,
        message=_fitting(letter),
        click=letter.link,
        actions=tuple(OpenLink(label=each.label, url=each.url) for each in letter.buttons),
        priority=PRIORITIES[letter.severity],
        tags=(letter.severity.value,),
        key=key,
    )
    return _server(clients).publish(notice, topic=target.secret)


def _fitting(letter: Letter) -> str:
    """Return message and facts in what ntfy takes as a message: more than that would become an attachment."""
    text = "\n".join([letter.message, *(f"{name}: {value}" for name, value in letter.facts)])
    body = text.encode()
    if len(body) <= _NTFY_BYTES:
        return text
    return body[: _NTFY_BYTES - len(_CUT)].decode(errors="ignore") + _CUT


def _found_at_ntfy(target: Target, key: str, clients: Clients) -> str:
    return _server(clients).sent(key, topic=target.secret)


def _server(clients: Clients) -> Ntfy:
    if clients.ntfy is None:
        raise Permanent("destination_missing", hint="Set NTFY_URL.", detail="No ntfy server is configured.")
    return clients.ntfy


def _console(letter: Letter, target: Target, key: str, clients: Clients) -> str:
    del target, clients
    _log.info("notice", title=letter.title, message=redact.text(letter.message), severity=letter.severity, key=key)
    return ""


CHANNELS: Mapping[ChannelName, Channel] = MappingProxyType(
    {
        ChannelName.SLACK: Channel(send=_slack),
        ChannelName.DISCORD: Channel(send=_discord),
        ChannelName.NTFY: Channel(send=_ntfy, find=_found_at_ntfy),
        ChannelName.CONSOLE: Channel(send=_console),
    }
)
