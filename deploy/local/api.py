"""The platform's REST API as the demo uses it: start an onboarding, read it, hand a code in, look at the board."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import httpx

from deploy.local.errors import CannotStart

_TIMEOUT_SECONDS = 30


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step as a person sees it."""

    name: str
    phase: str
    state: str
    attempt: int
    max_attempts: int
    error_code: str
    error_hint: str
    error_detail: str
    skip_reason: str
    output: Mapping[str, Any]

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> Self:
        """Read one element of `steps`."""
        return cls(
            name=row["name"],
            phase=row["phase"],
            state=row["state"],
            attempt=row["attempt"],
            max_attempts=row["max_attempts"],
            error_code=row["error_code"] or "",
            error_hint=row["error_hint"] or "",
            error_detail=str(row["error_detail"] or ""),
            skip_reason=row["skip_reason"] or "",
            output=row["output"] or {},
        )


@dataclass(frozen=True, kw_only=True)
class Onboarding:
    """An onboarding as the API tells it."""

    id: str
    repository: str
    status: str
    status_text: str
    url: str
    sign_in_address: str
    steps: tuple[Step, ...]
    links: tuple[tuple[str, str], ...]

    @property
    def ended(self) -> bool:
        """Return whether nothing more will happen by itself."""
        return self.status in ("completed", "failed", "cancelled")

    def output(self, step: str) -> Mapping[str, Any]:
        """Return what a step gave, or nothing."""
        return next((each.output for each in self.steps if each.name == step), {})

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> Self:
        """Read the answer of GET /api/onboard/{id}."""
        return cls(
            id=row["id"],
            repository=f"{row['repo_owner']}/{row['repo_name']}",
            status=row["status"],
            status_text=row["status_text"],
            url=row["url"],
            sign_in_address=row["oauth_device_url"] or "",
            steps=tuple(Step.read(each) for each in row["steps"]),
            links=tuple((each["title"], each["url"]) for each in row["links"]),
        )


class Api:
    """A client with one token."""

    def __init__(self, url: str, *, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        self._client = httpx.Client(
            base_url=url, headers=headers, timeout=_TIMEOUT_SECONDS, trust_env=False
        )  # loopback never goes through a proxy

    def onboard(self, repository: str) -> Onboarding:
        """Start an onboarding, or take up the one that is under way."""
        answer = self._client.post("/api/onboard", json={"repository": repository})
        if answer.status_code == httpx.codes.CONFLICT:
            return self.onboarding(str(answer.json()["run_id"]))
        return self.onboarding(str(_checked(answer)["id"]))

    def onboarding(self, run_id: str) -> Onboarding:
        """Read one."""
        return Onboarding.read(_checked(self._client.get(f"/api/onboard/{run_id}")))

    def column_of(self, repository: str, issue: int) -> str | None:
        """Return the column in which the platform's board shows an issue's card, None where it shows none."""
        answer = self._client.get(f"/api/projects/{repository}/board", params={"issue": issue})
        cards = _checked(answer)["results"]
        return str(cards[0]["column"]) if cards else None

    def hand_in_code(self, run_id: str, code: str) -> None:
        """Hand in what the sign-in page showed."""
        _checked(self._client.post(f"/api/onboard/{run_id}/auth-callback", json={"code": code}))


def _checked(answer: httpx.Response) -> Mapping[str, Any]:
    if not answer.is_success:
        raise CannotStart(
            f"{answer.request.method} {answer.url} answered {answer.status_code}.", hint=answer.text[:2000]
        )
    body: Mapping[str, Any] = answer.json()
    return body
