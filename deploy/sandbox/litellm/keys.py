"""/key/*: https://docs.litellm.ai/docs/proxy/virtual_keys and the proxy's key_management_endpoints.py.

A key is shown once, by /key/generate; afterwards there is only its hash.
"""

import secrets
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from deploy.sandbox.litellm.proxy import ADMIN, Proxy, ProxyError, admin, body, caller, now_text, of, reset_at, token_of

SETTABLE = (
    "key_alias", "team_id", "models", "max_budget", "budget_duration", "metadata", "tpm_limit", "rpm_limit", "blocked",
    "user_id",
)  # fmt: skip
DEFAULT_PAGE, LARGEST_PAGE = 10, 100


def _refuse_taken_alias(proxy: Proxy, alias: str | None, *, own: str = "") -> None:
    if alias and any(key["key_alias"] == alias and key["token"] != own for key in proxy.records.values("key")):
        words = f"Key with alias '{alias}' already exists. Unique key aliases across all keys are required."
        raise ProxyError(400, words, "bad_request_error", "key_alias")


def _refuse_models_beyond_team(proxy: Proxy, key: dict[str, Any]) -> None:
    team = proxy.records.get("team", key["team_id"]) if key["team_id"] else None
    if key["team_id"] and team is None:
        raise ProxyError(
            400, f"Team not found in DB. Received team_id={key['team_id']}", "bad_request_error", "team_id"
        )
    if team and team["models"] and not set(key["models"]) <= {*team["models"], "all-team-models"}:
        words = f"team not allowed to access model. This team can only access models={team['models']}."
        raise ProxyError(403, words, "team_model_access_denied", "model")


async def generate(request: Request) -> Response:
    """Make a key and show it, this once."""
    proxy, asked = admin(request), await body(request)
    _refuse_taken_alias(proxy, asked.get("key_alias"))
    secret = f"sk-{secrets.token_urlsafe(16)}"
    key: dict[str, Any] = {
        "token": token_of(secret),
        "key_name": f"sk-...{secret[-4:]}",
        "key_alias": None,
        "spend": 0.0,
        "expires": reset_at(asked.get("duration")),
        "models": [],
        "aliases": {},
        "config": {},
        "user_id": ADMIN,
        "team_id": None,
        "max_parallel_requests": None,
        "metadata": {},
        "tpm_limit": None,
        "rpm_limit": None,
        "max_budget": None,
        "budget_duration": None,
        "budget_reset_at": reset_at(asked.get("budget_duration")),
        "permissions": {},
        "blocked": False,
        "created_by": ADMIN,
        "updated_by": ADMIN,
        "created_at": now_text(),
        "updated_at": now_text(),
        **{name: asked[name] for name in SETTABLE if asked.get(name) is not None},
    }
    _refuse_models_beyond_team(proxy, key)
    proxy.records.put("key", key["token"], key)
    return JSONResponse({**key, "key": secret, "token_id": key["token"]})


def _kept(proxy: Proxy, key: str) -> dict[str, Any]:
    kept = proxy.records.get("key", token_of(key))
    if kept is None:
        raise ProxyError(404, {"message": "No keys found"}, "auth_error")
    return kept


async def info(request: Request) -> Response:
    """Return the facts of a key (`?key=`, the key or its hash), or of the caller's own."""
    own = caller(request)
    asked = request.query_params.get("key")
    if own is not None and asked and token_of(asked) != own["token"]:
        raise ProxyError(403, {"error": "You are not allowed to access this key's info."}, "auth_error")
    if not asked and own is None:
        raise ProxyError(404, {"message": "No keys found"}, "auth_error")
    key = own if own is not None else _kept(of(request), asked or "")
    facts = {name: value for name, value in key.items() if name != "token"}
    return JSONResponse({"key": asked or key["token"], "info": facts})


async def listing(request: Request) -> Response:
    """List keys by hash, or in full with `return_full_object=true`; filters team_id, key_alias, user_id, key_hash."""
    proxy, asked = admin(request), request.query_params
    keys = [
        key
        for key in proxy.records.values("key")
        if all(not asked.get(name) or key[name] == asked[name] for name in ("team_id", "key_alias", "user_id"))
        and (not asked.get("key_hash") or key["token"] == asked["key_hash"])
    ]
    size = min(max(int(asked.get("size", DEFAULT_PAGE)), 1), LARGEST_PAGE)
    number = max(int(asked.get("page", 1)), 1)
    shown = keys[(number - 1) * size : number * size]
    full = asked.get("return_full_object", "").lower() == "true"
    return JSONResponse(
        {
            "keys": shown if full else [key["token"] for key in shown],
            "total_count": len(keys),
            "current_page": number,
            "total_pages": -(-len(keys) // size),
        }
    )


async def update(request: Request) -> Response:
    """Change the given fields of a key; `metadata` is replaced as a whole."""
    proxy, asked = admin(request), await body(request)
    key = _kept(proxy, str(asked.get("key", "")))
    changed = {name: asked[name] for name in SETTABLE if name in asked}
    _refuse_taken_alias(proxy, changed.get("key_alias"), own=key["token"])
    key = {**key, **changed, "updated_at": now_text()}
    _refuse_models_beyond_team(proxy, key)
    proxy.records.put("key", key["token"], key)
    return JSONResponse({"key": asked["key"], **{name: value for name, value in key.items() if name != "token"}})


async def delete(request: Request) -> Response:
    """Delete keys by key, hash or alias."""
    proxy, asked = admin(request), await body(request)
    wanted, aliases = asked.get("keys") or [], asked.get("key_aliases") or []
    if not wanted and not aliases:
        raise ProxyError(400, {"error": "keys or key_aliases must be provided"}, "bad_request_error")
    tokens = [token_of(key) for key in wanted]
    tokens += [key["token"] for key in proxy.records.values("key") if key["key_alias"] in aliases]
    if not [token for token in tokens if proxy.records.delete("key", token)]:
        raise ProxyError(404, {"error": "No keys found"})
    return JSONResponse({"deleted_keys": wanted or aliases})
