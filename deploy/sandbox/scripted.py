"""Answers of models in Anthropic's shape: one short text for every question.

Shape: https://docs.anthropic.com/en/api/messages; OpenAI's, with a script, is litellm/completions.py.
"""

import json
import secrets
from collections.abc import Iterator, Mapping
from typing import Any

from starlette.responses import JSONResponse, Response, StreamingResponse

ANSWER = "All good."
CREATED = 1_760_000_000


def missing(body: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    """Return the first required field that the request lacks."""
    return next((name for name in names if name not in body), None)


def anthropic_message(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a message as POST /v1/messages gives it."""
    words = len(json.dumps(body.get("messages", []))) // 4
    return {
        "id": f"msg_{secrets.token_hex(12)}",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": [{"type": "text", "text": ANSWER}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": words,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": 3,
        },
    }


def anthropic_answer(body: Mapping[str, Any]) -> Response:
    """Answer POST /v1/messages, as one message or as a stream of events."""
    message = anthropic_message(body)
    if not body.get("stream"):
        return JSONResponse(message)
    return StreamingResponse(_anthropic_events(message), media_type="text/event-stream")


def _anthropic_events(message: dict[str, Any]) -> Iterator[str]:
    start = {**message, "content": [], "stop_reason": None, "usage": {**message["usage"], "output_tokens": 1}}
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": ANSWER}},
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {"output_tokens": message["usage"]["output_tokens"]},
        },
        {"type": "message_stop"},
    ]
    for event in events:
        yield f"event: {event['type']}\ndata: {json.dumps(event)}\n\n"
