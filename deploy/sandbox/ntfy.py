"""The sandbox ntfy: publish, poll, and a page for each topic that shows its messages with their buttons.

https://docs.ntfy.sh/publish/ and https://docs.ntfy.sh/subscribe/api/. Attachments are not kept.
"""

import json
import re
import secrets
import time
from collections.abc import Mapping
from html import escape
from typing import Any, cast

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deploy.sandbox import pages
from deploy.sandbox.base import Frame
from deploy.sandbox.place import Place
from deploy.sandbox.records import Records

DOCS = "https://ntfy.sh/docs/publish/"
KEPT_SECONDS = 12 * 3600
LONGEST_MESSAGE = 4096
PRIORITIES = {"min": 1, "low": 2, "default": 3, "high": 4, "max": 5, "urgent": 5}
ACTIONS = ("view", "http", "broadcast")
POSITIONAL = ("action", "label", "url")
SEQUENCE_ID = re.compile(r"[-_A-Za-z0-9]{1,64}")


class NtfyError(Exception):
    """A refusal with ntfy's own number, for instance 40001 for an invalid topic."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"code": code, "http": status, "error": message, "link": DOCS}


def sandbox(place: Place) -> Frame:
    """Make the sandbox from its configuration (README.md)."""
    records, token = Records(place.data / "records.sqlite"), place.text("token", "")
    app = Starlette(
        routes=[
            Route("/", _publish_json, methods=["POST", "PUT"]),
            Route("/v1/health", _health),
            Route("/{topic}", _publish, methods=["POST", "PUT"]),
            Route("/{topic}", _topic_page, methods=["GET"]),
            Route("/{topic}/json", _poll),
        ],
        exception_handlers={NtfyError: _refusal},
    )
    app.state.records, app.state.token = records, token
    return Frame(app, reset=records.clear, secrets=[token])


async def _refusal(_request: Request, error: Exception) -> Response:
    refused = cast("NtfyError", error)
    return JSONResponse(refused.body, refused.status)


async def _health(_request: Request) -> Response:
    return JSONResponse({"healthy": True})


def _authorise(request: Request) -> None:
    token = request.app.state.token
    if token and request.headers.get("authorization") != f"Bearer {token}":
        if "authorization" in request.headers:
            raise NtfyError(401, 40101, "unauthorized")
        raise NtfyError(403, 40301, "forbidden")


async def _publish(request: Request) -> Response:
    """Publish the body as the message; everything else comes in headers or query parameters."""
    _authorise(request)
    given = {**request.headers, **request.query_params}
    message = (await request.body()).decode(errors="replace")
    fields: dict[str, Any] = {"message": _first(given, "x-message", "message", "m") or message}
    for name, *others in (("title", "ti", "t"), ("click",), ("icon",)):
        value = _first(given, f"x-{name}", name, *others)
        if value:
            fields[name] = value
    sequence = _first(given, "x-sequence-id", "sequence-id", "sid")
    if sequence:
        fields["sequence_id"] = _sequence(sequence)
    tags = _first(given, "x-tags", "tags", "tag", "ta")
    if tags:
        fields["tags"] = [tag.strip() for tag in tags.split(",")]
    priority = _first(given, "x-priority", "priority", "prio", "p")
    if priority:
        fields["priority"] = _priority(priority)
    actions = _first(given, "x-actions", "actions", "action")
    if actions:
        fields["actions"] = parse_actions(actions)
    return _store(request, request.path_params["topic"], fields)


async def _publish_json(request: Request) -> Response:
    """Publish a JSON object, which names its topic."""
    _authorise(request)
    try:
        asked = json.loads(await request.body())
    except ValueError as error:
        raise NtfyError(400, 40024, "invalid request: request body must be valid JSON") from error
    if not isinstance(asked, dict) or not asked.get("topic"):
        raise NtfyError(400, 40009, "invalid request: topic invalid")
    fields = {name: asked[name] for name in ("message", "title", "tags", "click", "icon") if asked.get(name)}
    if asked.get("sequence_id"):
        fields["sequence_id"] = _sequence(str(asked["sequence_id"]))
    if asked.get("priority"):
        fields["priority"] = _priority(str(asked["priority"]))
    if asked.get("actions"):
        fields["actions"] = [_checked(each) for each in asked["actions"]]
    return _store(request, str(asked["topic"]), fields)


def _first(given: Mapping[str, str], *names: str) -> str:
    return next((given[name] for name in names if given.get(name)), "")


def _priority(text: str) -> int:
    number = PRIORITIES.get(text.lower()) or (int(text) if text.isdigit() else 0)
    if not 1 <= number <= PRIORITIES["max"]:
        raise NtfyError(400, 40007, "invalid request: priority invalid")
    return number


def _sequence(text: str) -> str:
    if not SEQUENCE_ID.fullmatch(text):
        raise NtfyError(400, 40049, "invalid request: sequence ID invalid")
    return text


def parse_actions(text: str) -> list[dict[str, Any]]:
    """Read the Actions header: a JSON array, or `action, label, url, key=value; ...`. Raises NtfyError 40018."""
    if text.lstrip().startswith("["):
        try:
            return [_checked(each) for each in json.loads(text)]
        except ValueError as error:
            raise NtfyError(400, 40018, f"invalid request: actions invalid, {error}") from error
    return [_checked(_simple_action(part)) for part in text.split(";") if part.strip()]


def _simple_action(text: str) -> dict[str, Any]:
    action: dict[str, Any] = {}
    for number, part in enumerate(each.strip() for each in text.split(",")):
        name, is_pair, value = part.partition("=")
        if is_pair and (number >= len(POSITIONAL) or name in (*POSITIONAL, "method", "body", "clear")):
            if name.startswith(("headers.", "extras.")):
                group, _, key = name.partition(".")
                action.setdefault(group, {})[key] = value.strip("\"'")
            else:
                action[name] = value == "true" if name == "clear" else value.strip("\"'")
        elif number < len(POSITIONAL):
            action[POSITIONAL[number]] = part.strip("\"'")
        else:
            raise NtfyError(400, 40018, f"invalid request: actions invalid, term '{part}' unknown")
    return action


def _checked(action: object) -> dict[str, Any]:
    if not isinstance(action, dict) or action.get("action") not in ACTIONS:
        raise NtfyError(400, 40018, "invalid request: actions invalid, action must be 'view', 'broadcast' or 'http'")
    if not action.get("label"):
        raise NtfyError(400, 40018, "invalid request: actions invalid, parameter 'label' is required")
    if action["action"] != "broadcast" and not action.get("url"):
        raise NtfyError(400, 40018, "invalid request: actions invalid, parameter 'url' is required")
    return {"id": secrets.token_urlsafe(8)[:10], "clear": False, **action}


def _store(request: Request, topic: str, fields: dict[str, Any]) -> Response:
    if not topic.replace("-", "").replace("_", "").isalnum() or len(topic) > 64:  # noqa: PLR2004 - ntfy's limit
        raise NtfyError(400, 40009, "invalid request: topic invalid")
    if len(fields.get("message", "").encode()) > LONGEST_MESSAGE:
        raise NtfyError(413, 41301, "attachment too large, or bandwidth limit reached")
    sent = int(time.time())
    message = {
        "id": secrets.token_urlsafe(9),
        "time": sent,
        "expires": sent + KEPT_SECONDS,
        "event": "message",
        "topic": topic,
        **fields,
        "message": fields.get("message") or "triggered",
    }
    request.app.state.records.put("message", message["id"], message)
    return JSONResponse(message)


def _messages(request: Request) -> list[dict[str, Any]]:
    topics = request.path_params["topic"].split(",")
    return [each for each in request.app.state.records.values("message") if each["topic"] in topics]


async def _poll(request: Request) -> Response:
    """Return what was published, one JSON object a line, since a message id, a time or `all`."""
    _authorise(request)
    messages, since = _messages(request), request.query_params.get("since", "all")
    ids = [each["id"] for each in messages]
    if since in ids:
        messages = messages[ids.index(since) + 1 :]
    elif since.isdigit():
        messages = [each for each in messages if each["time"] >= int(since)]
    return Response("".join(f"{json.dumps(each)}\n" for each in messages), media_type="application/x-ndjson")


async def _topic_page(request: Request) -> Response:
    """Show the topic's messages, newest first; of those with one sequence id, as ntfy's own page does, the newest."""
    newest = {each.get("sequence_id") or each["id"]: each for each in _messages(request)}
    blocks = [_shown(each) for each in reversed(newest.values())]
    return pages.page(f"Topic {request.path_params['topic']}", blocks or [pages.paragraph("Nothing was published.")])


def _shown(message: dict[str, Any]) -> str:
    buttons = "".join(_button(each) for each in message.get("actions", []))
    clicked = message.get("click", "")
    link = f' <a href="{escape(clicked)}">open</a>' if clicked.startswith(("http://", "https://")) else ""
    title = escape(message.get("title", message["topic"]))
    facts = f"priority {message.get('priority', 3)} {' '.join(message.get('tags', []))}"
    return (
        f'<article id="{escape(message["id"])}"><h2>{title}</h2><p>{escape(message["message"])}{link}</p>'
        f"<p>{buttons}</p><small>{escape(facts)}</small></article>"
    )


def _button(action: dict[str, Any]) -> str:
    label, address = escape(action["label"]), action.get("url", "")
    if not address.startswith(("http://", "https://")):
        return f'<span class="button">{label}</span>'
    if action["action"] == "http" and action.get("method", "POST").upper() == "POST":
        return f'<form method="post" action="{escape(address)}" style="display:inline"><button>{label}</button></form>'
    return f'<a class="button" href="{escape(address)}">{label}</a>'
