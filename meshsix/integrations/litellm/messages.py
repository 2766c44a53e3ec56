"""What LiteLLM's admin part says, as frozen types. Pure. Source: https://docs.litellm.ai/docs/proxy/virtual_keys."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation


@dataclass(frozen=True, kw_only=True)
class Team:
    """A team with its models and budget; `max_budget` is USD for each `budget_duration` (such as `30d`)."""

    team_id: str
    alias: str
    models: tuple[str, ...]
    max_budget: Decimal | None
    budget_duration: str

    def as_json(self) -> dict[str, object]:
        """Return the team as LiteLLM takes it."""
        return {
            "team_id": self.team_id,
            "team_alias": self.alias,
            "models": list(self.models),
            "max_budget": None if self.max_budget is None else float(self.max_budget),
            "budget_duration": self.budget_duration,
        }


@dataclass(frozen=True, kw_only=True)
class Key:
    """A virtual key as listed: `token_hash` is the SHA-256, in hex, of its value, which is never told again."""

    token_hash: str
    alias: str
    team_id: str

    def is_key(self, value: str) -> bool:
        """Return whether `value` is this key."""
        return hashlib.sha256(value.encode()).hexdigest() == self.token_hash


def team(answer: object) -> Team:
    """Parse `/team/info`, whose facts lie under `team_info`."""
    body = _mapping(answer)
    info = _mapping(body.get("team_info")) or body
    models = info.get("models")
    return Team(
        team_id=str(info.get("team_id", "")),
        alias=str(info.get("team_alias") or ""),
        models=tuple(str(name) for name in models) if isinstance(models, list) else (),
        max_budget=_money(info.get("max_budget")),
        budget_duration=str(info.get("budget_duration") or ""),
    )


def keys(answer: object) -> tuple[Key, ...]:
    """Parse `/key/list` with full objects."""
    listed = _mapping(answer).get("keys")
    if not isinstance(listed, list):
        return ()
    return tuple(
        Key(
            token_hash=str(item.get("token") or ""),
            alias=str(item.get("key_alias") or ""),
            team_id=str(item.get("team_id") or ""),
        )
        for item in listed
        if isinstance(item, Mapping)
    )


def models(answer: object) -> tuple[str, ...]:
    """Parse `/models`."""
    listed = _mapping(answer).get("data")
    if not isinstance(listed, list):
        return ()
    return tuple(str(item["id"]) for item in listed if isinstance(item, Mapping) and "id" in item)


def generated(answer: object) -> str:
    """Return the value in the answer of `/key/generate`, empty where there is none."""
    return str(_mapping(answer).get("key") or "")


def says(answer: object) -> str:
    """Return LiteLLM's own words in an error's body; empty where there are none."""
    error = _mapping(answer).get("error") or _mapping(answer).get("detail")
    return str(_mapping(error).get("message") or _mapping(error).get("error") or error or "")


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _money(value: object) -> Decimal | None:
    try:
        return None if value is None else Decimal(str(value))
    except InvalidOperation:
        return None
