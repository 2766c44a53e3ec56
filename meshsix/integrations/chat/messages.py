"""A post as Slack and Discord take it. Texts are escaped: what a message quotes must not speak to everybody. Pure.

https://api.slack.com/reference/messaging/attachments and https://discord.com/developers/docs/resources/webhook
"""

import json
import re
from dataclasses import dataclass

_DISCORD_TITLE, _DISCORD_TEXT, _DISCORD_NAME, _DISCORD_VALUE, _DISCORD_FIELDS = 256, 4096, 256, 1024, 25
_DISCORD_TOTAL = 6000
_DISCORD_MARKS = re.compile(r"([\\*_~`|>\[\]#])")
_ELLIPSIS = "…"


@dataclass(frozen=True, kw_only=True)
class Link:
    """Something to open, below the message."""

    label: str
    url: str


@dataclass(frozen=True, kw_only=True)
class Post:
    """What a chat shows. `color` is `#rrggbb`, `facts` are pairs of name and value; a tap on the title opens `link`."""

    title: str
    message: str
    color: str
    link: str = ""
    links: tuple[Link, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()


def slack(post: Post) -> dict[str, object]:
    """Return the body of the request to Slack; empty parts are left out."""
    attachment: dict[str, object] = {
        "color": post.color,
        "fallback": _slack_text(f"{post.title}: {post.message}"),
        "title": _slack_text(post.title),
        "text": _slack_text(post.message),
        "mrkdwn_in": [],
    }
    if post.link:
        attachment["title_link"] = post.link
    if post.facts:
        attachment["fields"] = [
            {"title": _slack_text(name), "value": _slack_text(value), "short": True} for name, value in post.facts
        ]
    if post.links:
        attachment["actions"] = [{"type": "button", "text": each.label, "url": each.url} for each in post.links]
    return {"attachments": [attachment]}


def _slack_text(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def discord(post: Post) -> dict[str, object]:
    """Return the body of the request to Discord; what is too long for it is cut."""
    links = "".join(f"\n[{_discord_text(each.label)}](<{each.url}>)" for each in post.links)
    embed: dict[str, object] = {
        "color": int(post.color.removeprefix("#"), 16),
        "title": _cut(_discord_text(post.title), _DISCORD_TITLE),
        "description": _cut(_discord_text(post.message), _DISCORD_TEXT - len(links)) + links,
    }
    if post.link:
        embed["url"] = post.link
    fields = _discord_fields(post, room=_DISCORD_TOTAL - len(str(embed["title"])) - len(str(embed["description"])))
    if fields:
        embed["fields"] = fields
    return {"embeds": [embed], "allowed_mentions": {"parse": []}}


def _discord_fields(post: Post, *, room: int) -> list[dict[str, str]]:
    """Return the facts as fields, as many as one embed may hold."""
    fields = []
    for name, value in post.facts[:_DISCORD_FIELDS]:
        field = {"name": _cut(_discord_text(name), _DISCORD_NAME), "value": _cut(_discord_text(value), _DISCORD_VALUE)}
        room -= len(field["name"]) + len(field["value"])
        if room < 0:
            break
        fields.append(field)
    return fields


def _discord_text(text: str) -> str:
    return _DISCORD_MARKS.sub(r"\\\1", text)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: max(most - 1, 0)].rstrip("\\") + _ELLIPSIS


def discord_id(body: bytes) -> str:
    """Return the id that Discord gave the message; empty where it told none."""
    try:
        told = json.loads(body)
    except ValueError:
        return ""
    found = told.get("id") if isinstance(told, dict) else None
    return found if isinstance(found, str) else ""
