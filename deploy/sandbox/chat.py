"""The sandbox chat: incoming webhooks of Slack and Discord, and a page that shows what was posted.

POST /services/{team}/{channel}/{token} is Slack's, POST /api/webhooks/{id}/{token} Discord's; GET /_sandbox/posts gives
all posts as JSON, oldest first.
https://api.slack.com/messaging/webhooks and https://discord.com/developers/docs/resources/webhook#execute-webhook
"""

import json
import secrets
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from deploy.sandbox import pages
from deploy.sandbox.base import Frame
from deploy.sandbox.place import Place
from deploy.sandbox.records import Records

TITLE, DESCRIPTION, FIELDS, FIELD_NAME, FIELD_VALUE, TOTAL = 256, 4096, 25, 256, 1024, 6000


def sandbox(place: Place) -> Frame:
    """Make the sandbox from its configuration (README.md)."""
    records, token = Records(place.data / "records.sqlite"), place.text("token")
    app = Starlette(
        routes=[
            Route("/services/{team}/{channel}/{token}", _slack, methods=["POST"]),
            Route("/api/webhooks/{hook}/{token}", _discord, methods=["POST"]),
            Route("/_sandbox/posts", _posts),
            Route("/", _page),
        ]
    )
    app.state.records, app.state.token = records, token
    return Frame(app, reset=records.clear, secrets=[token])


def _is_known(request: Request) -> bool:
    known: bool = request.path_params["token"] == request.app.state.token
    return known


async def _slack(request: Request) -> Response:
    if not _is_known(request):
        return PlainTextResponse("invalid_token", 403)
    asked = await _object(request)
    if asked is None:
        return PlainTextResponse("invalid_payload", 400)
    attachments = asked.get("attachments") or []
    if not asked.get("text") and not any(each.get("text") or each.get("fallback") for each in attachments):
        return PlainTextResponse("no_text", 400)
    where = f"{request.path_params['team']}/{request.path_params['channel']}"
    _keep(request, "slack", where, asked)
    return PlainTextResponse("ok")


async def _discord(request: Request) -> Response:
    if not _is_known(request):
        return JSONResponse({"message": "Unknown Webhook", "code": 10015}, 404)
    asked = await _object(request)
    if asked is None:
        return JSONResponse({"message": "400: Bad Request", "code": 0}, 400)
    if not asked.get("content") and not asked.get("embeds"):
        return JSONResponse({"message": "Cannot send an empty message", "code": 50006}, 400)
    wrong = [path for number, each in enumerate(asked.get("embeds", [])) for path in _too_long(number, each)]
    if wrong:
        errors = {path: {"_errors": [{"code": "BASE_TYPE_MAX_LENGTH"}]} for path in wrong}
        return JSONResponse({"message": "Invalid Form Body", "code": 50035, "errors": errors}, 400)
    post = _keep(request, "discord", request.path_params["hook"], asked)
    if request.query_params.get("wait") != "true":
        return Response(status_code=204)
    return JSONResponse({"id": post["id"], "type": 0, "embeds": asked.get("embeds", []), "content": ""})


def _too_long(number: int, embed: dict[str, Any]) -> list[str]:
    fields = embed.get("fields", [])
    lengths = {"title": (embed.get("title", ""), TITLE), "description": (embed.get("description", ""), DESCRIPTION)}
    for index, each in enumerate(fields):
        lengths[f"fields.{index}.name"] = (each.get("name", ""), FIELD_NAME)
        lengths[f"fields.{index}.value"] = (each.get("value", ""), FIELD_VALUE)
    found = [f"embeds.{number}.{path}" for path, (text, most) in lengths.items() if len(text) > most]
    if len(fields) > FIELDS:
        found.append(f"embeds.{number}.fields")
    return found if sum(len(text) for text, _ in lengths.values()) <= TOTAL else [*found, f"embeds.{number}"]


async def _object(request: Request) -> dict[str, Any] | None:
    try:
        asked = json.loads(await request.body())
    except ValueError:
        return None
    return asked if isinstance(asked, dict) else None


def _keep(request: Request, kind: str, where: str, body: dict[str, Any]) -> dict[str, Any]:
    post = {"id": str(secrets.randbits(60)), "kind": kind, "where": where, "body": body}
    request.app.state.records.put("post", post["id"], post)
    return post


async def _posts(request: Request) -> Response:
    return JSONResponse({"posts": request.app.state.records.values("post")})


async def _page(request: Request) -> Response:
    """Show the posts, newest first."""
    posts = reversed(request.app.state.records.values("post"))
    blocks = [pages.paragraph(f"{each['kind']} {each['where']}: {json.dumps(each['body'])}") for each in posts]
    return pages.page("Chat", blocks or [pages.paragraph("Nothing was posted.")])
