"""LiteLLM's admin part: one team and one key a project."""

from datetime import timedelta

import httpx

from meshsix.integrations.errors import Conflict, Missing, Refused, TryLater
from meshsix.integrations.http import Http
from meshsix.integrations.litellm import messages
from meshsix.integrations.litellm.messages import Key, Team

VENDOR = "litellm"
_PAGE = "100"


class LiteLLM:
    """A LiteLLM proxy as seen with its admin key."""

    def __init__(self, *, url: str, admin_key: str, timeout: timedelta) -> None:
        self._http = Http(
            vendor=VENDOR, base_url=url, timeout=timeout, headers={"Authorization": f"Bearer {admin_key}"}
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def models(self) -> tuple[str, ...]:
        """Return the names of the models that the proxy serves."""
        return messages.models(self._ask("GET", "/models"))

    def alive(self) -> bool:
        """Return whether the proxy answers. Raises TryLater where it does not."""
        return self._http.send("GET", "/health/liveliness").is_success

    def team(self, team_id: str) -> Team:
        """Return the team. Raises Missing where there is none."""
        found = messages.team(self._ask("GET", "/team/info", params={"team_id": team_id}))
        if found.team_id != team_id:
            raise Missing(f"LiteLLM knows no team {team_id}.", code="litellm:missing", vendor=VENDOR)
        return found

    def create_team(self, team: Team) -> None:
        """Make the team. Raises Conflict where somebody else has just made it."""
        self._ask("POST", "/team/new", json=team.as_json())

    def update_team(self, team: Team) -> None:
        """Change the team so that it is as `team` says."""
        self._ask("POST", "/team/update", json=team.as_json())

    def delete_team(self, team_id: str) -> None:
        """Take the team away. Raises Missing where there is none."""
        self._ask("POST", "/team/delete", json={"team_ids": [team_id]})

    def keys_named(self, alias: str) -> tuple[Key, ...]:
        """Return the keys with exactly this alias."""
        answer = self._ask(
            "GET",
            "/key/list",
            params={"key_alias": alias, "return_full_object": "true", "include_team_keys": "true", "size": _PAGE},
        )
        return tuple(key for key in messages.keys(answer) if key.alias == alias)

    def generate_key(self, *, alias: str, team_id: str, models: tuple[str, ...]) -> str:
        """Make a key and return its value, which LiteLLM tells only now. Raises Conflict where the alias is taken.

        An empty `team_id` means no team, no models mean all.
        """
        wanted: dict[str, object] = {"key_alias": alias, "models": list(models)}
        if team_id:
            wanted["team_id"] = team_id
        value = messages.generated(self._ask("POST", "/key/generate", json=wanted))
        if not value:
            raise TryLater("LiteLLM made a key without telling its value.", vendor=VENDOR)
        return value

    def delete_key(self, key: Key) -> None:
        """Take the key away; its hash names it."""
        self._ask("POST", "/key/delete", json={"keys": [key.token_hash]})

    def _ask(
        self, method: str, path: str, *, json: dict[str, object] | None = None, params: dict[str, str] | None = None
    ) -> object:
        answer = self._http.send(method, path, json=json, params=params)
        if answer.is_success:
            return self._http.content(answer)
        failure = self._http.failure(answer, f"{method} {path}")
        said = messages.says(_body(answer))
        if answer.status_code in {httpx.codes.BAD_REQUEST, httpx.codes.CONFLICT} and "already exists" in said:
            raise Conflict(f"LiteLLM has it already: {method} {path}.", vendor=VENDOR, status=answer.status_code)
        if isinstance(failure, Refused) and answer.status_code in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
            failure.hint = "Give the platform an admin key of LiteLLM in LITELLM_ADMIN_KEY, then resume."
            failure.code = "litellm:admin-key-refused"
        raise failure


def _body(answer: httpx.Response) -> object:
    try:
        return answer.json()
    except ValueError:
        return None
