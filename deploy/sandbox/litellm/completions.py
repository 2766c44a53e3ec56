"""POST /chat/completions: checks as OpenAI and LiteLLM do them, the scripted answer, its cost.

https://platform.openai.com/docs/api-reference/chat/create and https://docs.litellm.ai/docs/proxy/cost_tracking.
"""

import json
import secrets
import time
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from deploy.sandbox.litellm import accounts, script
from deploy.sandbox.litellm.filling import schema_in, strict_problem
from deploy.sandbox.litellm.inference import asked
from deploy.sandbox.litellm.proxy import Proxy, ProxyError, caller, of
from deploy.sandbox.litellm.script import Heard, Said


def answer(heard: Heard, proxy: Proxy) -> Said:
    """Return what the model says: by the first rule that fits and is not used up, else by habit."""
    for number, rule in proxy.records.items("rule"):
        if not script.fits(rule, heard):
            continue
        if rule["skip"] > 0:
            proxy.records.put("rule", number, {**rule, "skip": rule["skip"] - 1})
            continue
        if rule["times"] == 0:
            continue
        if rule["times"] is not None:
            proxy.records.put("rule", number, {**rule, "times": rule["times"] - 1})
        return script.told(rule, heard)
    return script.by_habit(heard)


async def completions(request: Request) -> Response:
    """Answer in OpenAI's shape."""
    body = await asked(request, ("model", "messages"))
    proxy, key = of(request), caller(request)
    accounts.refuse_spent(proxy, key)
    heard = _heard(proxy, body)
    said = answer(heard, proxy)
    if said.body is not None:
        return JSONResponse(said.body)
    whole = _completion(heard, said, most=body.get("max_completion_tokens") or body.get("max_tokens"))
    usage = whole["usage"]
    price = accounts.cost(
        proxy,
        heard.model,
        prompt_tokens=usage["prompt_tokens"],
        completion_tokens=usage["completion_tokens"],
    )
    accounts.charge(proxy, key, price)
    told = price if said.cost_usd == -1.0 else said.cost_usd
    headers = {"x-litellm-call-id": secrets.token_hex(16), "x-litellm-model-id": heard.model}
    return JSONResponse(whole, headers=headers if told is None else {**headers, "x-litellm-response-cost": repr(told)})


def _heard(proxy: Proxy, body: Mapping[str, Any]) -> Heard:
    tools = dict(map(_tool, body.get("tools") or []))
    _check_results(body["messages"])
    name, schema = _shape(proxy, body)
    if body.get("tool_choice") == "none":
        tools = {}
    return Heard(model=body["model"], messages=body["messages"], tools=tools, schema=schema, schema_name=name)


def _tool(tool: object) -> tuple[str, dict[str, Any]]:
    function = tool.get("function") if isinstance(tool, dict) and tool.get("type") == "function" else None
    if not isinstance(function, dict) or not function.get("name"):
        raise ProxyError(400, "Missing required parameter: 'tools[0].function.name'.", "invalid_request_error", "tools")
    return function["name"], function.get("parameters") or {}


def _check_results(messages: list[dict[str, Any]]) -> None:
    """Refuse a tool's result that nothing asked for, and wishes that nothing answered, as OpenAI does."""
    open_calls: set[str] = set()
    for message in messages:
        if message.get("role") == "tool":
            if message.get("tool_call_id") not in open_calls:
                words = "messages with role 'tool' must be a response to a preceeding message with 'tool_calls'."
                raise ProxyError(400, f"Invalid parameter: {words}", "invalid_request_error", "messages")
            open_calls.discard(message["tool_call_id"])
            continue
        if open_calls:
            break
        open_calls = {call["id"] for call in message.get("tool_calls") or []}
    if open_calls:
        words = f"The following tool_call_ids did not have response messages: {', '.join(sorted(open_calls))}"
        raise ProxyError(400, words, "invalid_request_error", "messages")


def _shape(proxy: Proxy, body: Mapping[str, Any]) -> tuple[str, dict[str, Any] | None]:
    wanted = body.get("response_format") or {}
    if wanted.get("type") == "json_object":
        found = schema_in("\n".join(script.text_of(each) for each in body["messages"]))
        return "", found or {"type": "object"}
    if wanted.get("type") != "json_schema":
        return "", None
    if body["model"] in proxy.without_schema:
        words = f"litellm.UnsupportedParamsError: {body['model']} does not support parameters: ['response_format']"
        raise ProxyError(400, words, "invalid_request_error", "response_format")
    told = wanted.get("json_schema") or {}
    schema, name = told.get("schema") or {}, str(told.get("name", ""))
    problem = strict_problem(schema) if told.get("strict") else None
    if problem:
        words = f"Invalid schema for response_format '{name}': {problem}"
        raise ProxyError(400, words, "invalid_request_error", "response_format")
    return name, schema


def _completion(heard: Heard, said: Said, *, most: int | None) -> dict[str, Any]:
    """Return the answer; what is longer than the most tokens is cut, with the finish reason `length`."""
    content, finish = said.content, said.finish_reason or ("tool_calls" if said.tool_calls else "stop")
    if content is not None and most and accounts.tokens(content) > most:
        content, finish = content[: most * 4], "length"
    message: dict[str, Any] = {"role": "assistant", "content": content}
    if said.tool_calls:
        message["tool_calls"] = [_call(each) for each in said.tool_calls]
    usage = said.usage or {
        "prompt_tokens": accounts.tokens(json.dumps(heard.messages)),
        "completion_tokens": accounts.tokens(json.dumps(message)),
    }
    return {
        "id": f"chatcmpl-{secrets.token_hex(12)}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": heard.model,
        "choices": [{"index": 0, "message": message, "finish_reason": finish, "logprobs": None}],
        "usage": {**usage, "total_tokens": sum(usage.values())},
    }


def _call(wish: Mapping[str, Any]) -> dict[str, Any]:
    arguments = wish.get("arguments", {})
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return {
        "id": f"call_{secrets.token_hex(8)}",
        "type": "function",
        "function": {"name": wish["name"], "arguments": text},
    }


async def rules(request: Request) -> Response:
    """Keep the rules of a scenario (`POST {"rules": [...]}`, before those that are there), show or forget them."""
    proxy = of(request)
    if request.method == "POST":
        body = await request.json()
        try:
            new = [script.checked(rule) for rule in body["rules"]]
        except script.ScriptError as error:
            return JSONResponse({"message": str(error)}, 422)
        before = proxy.records.values("rule")
        _replace(proxy, [*new, *before])
    elif request.method == "DELETE":
        _replace(proxy, [])
    return JSONResponse({"rules": proxy.records.values("rule")})


def _replace(proxy: Proxy, wanted: list[dict[str, Any]]) -> None:
    with proxy.records.together():
        for number, _ in proxy.records.items("rule"):
            proxy.records.delete("rule", number)
        for place, rule in enumerate(wanted):
            proxy.records.put("rule", str(place), rule)
