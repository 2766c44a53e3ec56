"""/team/*: https://docs.litellm.ai/docs/proxy/team_based_routing and the proxy's team_endpoints.py."""

import uuid
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from deploy.sandbox.litellm.proxy import ADMIN, ProxyError, admin, body, now_text, reset_at

SETTABLE = ("team_alias", "models", "max_budget", "budget_duration", "metadata", "tpm_limit", "rpm_limit", "blocked")


async def new(request: Request) -> Response:
    """Make a team; its id may be given, and then must be new."""
    proxy, asked = admin(request), await body(request)
    team_id = str(asked.get("team_id") or uuid.uuid4())
    if proxy.records.get("team", team_id) is not None:
        words = f"Team id = {team_id} already exists. Please use a different team id."
        raise ProxyError(400, {"error": words})
    team: dict[str, Any] = {
        "team_alias": None,
        "team_id": team_id,
        "organization_id": asked.get("organization_id"),
        "admins": [],
        "members": [],
        "members_with_roles": [{"role": "admin", "user_id": ADMIN, "user_email": None}],
        "team_member_permissions": [],
        "metadata": {},
        "tpm_limit": None,
        "rpm_limit": None,
        "max_budget": None,
        "budget_duration": None,
        "models": [],
        "blocked": False,
        "spend": 0.0,
        "max_parallel_requests": None,
        "budget_reset_at": reset_at(asked.get("budget_duration")),
        "model_id": None,
        "litellm_model_table": None,
        "created_at": now_text(),
        "updated_at": now_text(),
        **{name: asked[name] for name in SETTABLE if asked.get(name) is not None},
    }
    proxy.records.put("team", team_id, team)
    return JSONResponse(team)


async def info(request: Request) -> Response:
    """Return a team with its keys, without their tokens."""
    proxy = admin(request)
    team_id = request.query_params.get("team_id")
    if not team_id:
        raise ProxyError(422, {"message": "Malformed request. No team id passed in."}, "auth_error")
    team = proxy.team(team_id)
    keys = [{name: value for name, value in key.items() if name != "token"} for key in proxy.keys_of(team_id)]
    return JSONResponse({"team_id": team_id, "team_info": team, "keys": keys, "team_memberships": []})


async def listing(request: Request) -> Response:
    """Return all teams."""
    return JSONResponse(admin(request).records.values("team"))


async def update(request: Request) -> Response:
    """Change the given fields of a team."""
    proxy, asked = admin(request), await body(request)
    if not asked.get("team_id"):
        raise ProxyError(400, {"error": "No team id passed in"})
    team_id = str(asked["team_id"])
    team = proxy.records.get("team", team_id)
    if team is None:
        raise ProxyError(404, {"error": f"Team not found, passed team_id={team_id}"})
    changed = {name: asked[name] for name in SETTABLE if name in asked}
    if "budget_duration" in changed and changed["budget_duration"] != team["budget_duration"]:
        changed["budget_reset_at"] = reset_at(changed["budget_duration"])
    team = {**team, **changed, "updated_at": now_text()}
    proxy.records.put("team", team_id, team)
    return JSONResponse({"team_id": team_id, "data": team})


async def delete(request: Request) -> Response:
    """Delete teams and their keys."""
    proxy, asked = admin(request), await body(request)
    team_ids = asked.get("team_ids") or []
    if not team_ids:
        raise ProxyError(400, {"error": "No team id passed in"})
    for team_id in team_ids:
        if proxy.records.get("team", team_id) is None:
            raise ProxyError(404, {"error": f"Team not found, passed team_id={team_id}"})
    with proxy.records.together():
        for team_id in team_ids:
            for key in proxy.keys_of(team_id):
                proxy.records.delete("key", key["token"])
            proxy.records.delete("team", team_id)
    return JSONResponse({"deleted_teams": team_ids})
