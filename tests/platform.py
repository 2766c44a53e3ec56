"""The whole platform as somebody uses it who has only its address, and the sandbox vendors as their owners see them."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any

import httpx
import hvac

from deploy.local.person import allow
from deploy.local.stack import Stack

Json = dict[str, Any]
DEADLINE = timedelta(minutes=3)
"""For what must happen at all, on a machine that is busy with anything."""
ANSWERS_WITHIN_SECONDS = 60
LOOK_EVERY_SECONDS = 0.1
OVER = frozenset({"completed", "failed", "cancelled"})


class TooLate(AssertionError):  # noqa: N818 - reads as a word of the domain
    """What a test waited for did not happen before its deadline."""


def eventually(check: Callable[[], Any], *, within: timedelta = DEADLINE, what: str = "") -> Any:  # noqa: ANN401 - what `check` found
    """Return the first true answer of `check`. Raises TooLate."""
    end = time.monotonic() + within.total_seconds()
    while True:
        found = check()
        if found:
            return found
        if time.monotonic() > end:
            raise TooLate(what or f"nothing true within {within}: {found!r}")
        time.sleep(LOOK_EVERY_SECONDS)


@dataclass
class Platform:
    """A running stack, and the doors to it."""

    stack: Stack
    made: int = 0
    marks: dict[str, int] = field(default_factory=dict)

    @cached_property
    def token(self) -> str:
        """An admin's token."""
        return self.stack.demo_token()

    @cached_property
    def http(self) -> httpx.Client:
        """The API, as an admin."""
        return httpx.Client(
            base_url=f"{self.stack.url}/api",
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=ANSWERS_WITHIN_SECONDS,
            trust_env=False,
        )

    def ask(self, method: str, path: str, body: Json | None = None, *, status: int | None = None) -> Any:  # noqa: ANN401 - JSON
        """Call the API; a `status` given is asserted."""
        answer = self.http.request(method, path, json=body)
        if status is not None:
            assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    # --- the vendors' side --------------------------------------------------------------------------------------

    def sandbox(self, vendor: str, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
        """Call a door of a sandbox that no vendor has."""
        answer = httpx.request(
            method,
            f"{self.stack.sandboxes[vendor]}/_sandbox/{path}",
            json=body,
            timeout=ANSWERS_WITHIN_SECONDS,
            trust_env=False,
        )
        assert answer.is_success, f"{vendor} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def repository(self, owner: str = "octo-org", **facts: object) -> str:
        """Make a repository at the sandbox GitHub; return its full name."""
        self.made += 1
        name = facts.pop("name", f"app{self.made}")
        given = {"owner": owner, "name": name, "files": {"README.md": "# App\n"}, **facts}
        return str(self.sandbox("github", "POST", "repositories", given)["full_name"])

    def fault(self, vendor: str, kind: str, *, times: int = 1, match: Json | None = None, **more: object) -> None:
        """Plant a fault."""
        self.sandbox(vendor, "POST", "faults", {"kind": kind, "times": times, "match": match or {}, **more})

    def requests(self, vendor: str) -> list[Json]:
        """Return the sandbox's log since `forget`."""
        found: list[Json] = self.sandbox(vendor, "GET", f"requests?since={self._mark(vendor)}")["requests"]
        return found

    def forget(self, vendors: Iterable[str] = ()) -> None:
        """Let `requests` and `changes` begin here."""
        for vendor in vendors or self.stack.sandboxes:
            self.marks[vendor] = max((int(entry["id"]) for entry in self.requests(vendor)), default=self._mark(vendor))

    def _mark(self, vendor: str) -> int:
        return self.marks.get(vendor, 0)

    def changes(self) -> list[str]:
        """Return every call since `forget` that could have changed something at a vendor."""
        return [
            f"{vendor}: {entry['method']} {entry['path']} {entry['operations'] or ''}"
            for vendor in self.stack.sandboxes
            for entry in self.requests(vendor)
            if entry["changes"]
        ]

    # --- onboarding ---------------------------------------------------------------------------------------------

    def start(self, full_name: str, **more: object) -> str:
        """Ask for an onboarding; return its id."""
        return str(self.ask("POST", "/onboard", {"repository": full_name, **more}, status=202)["id"])

    def run(self, run_id: str) -> Json:
        """Return everything about an onboarding."""
        found: Json = self.ask("GET", f"/onboard/{run_id}", status=200)
        return found

    def wait(self, run_id: str, *statuses: str, within: timedelta = DEADLINE) -> Json:
        """Return the onboarding once it has one of these statuses. Raises TooLate, at once where it is over."""
        last: Json = {}

        def reached() -> Json | None:
            nonlocal last
            last = self.run(run_id)
            if last["status"] in OVER and last["status"] not in statuses:
                raise TooLate(_told(last))
            return last if last["status"] in statuses else None

        try:
            found: Json = eventually(reached, within=within)
        except TooLate as error:
            raise TooLate(f"not {statuses} within {within}: {_told(last)}") from error
        return found

    def sign_in(self, run_id: str) -> None:
        """Do what a person does: open the address, allow, hand in the code."""
        waiting = self.wait(run_id, "waiting_auth")
        code = allow(waiting["oauth_device_url"])
        self.ask("POST", f"/onboard/{run_id}/auth-callback", {"code": code}, status=202)

    def onboard(self, full_name: str, **more: object) -> Json:
        """Onboard a repository from end to end, with its sign-in."""
        run_id = self.start(full_name, **more)
        if not more.get("skip_auth"):
            seen = self.wait(run_id, "waiting_auth", "completed")
            if seen["status"] == "waiting_auth":
                self.sign_in(run_id)
        return self.wait(run_id, "completed")

    @cached_property
    def vault(self) -> hvac.Client:
        """OpenBao as the platform itself sees it."""
        client = hvac.Client(url=self.stack.env["VAULT_ADDR"])
        client.auth.approle.login(self.stack.env["VAULT_ROLE_ID"], self.stack.env["VAULT_SECRET_ID"])
        return client

    def secret(self, path: str) -> Json:
        """Return a secret's newest version."""
        answer = self.vault.secrets.kv.v2.read_secret_version(path, raise_on_deleted_version=True)
        found: Json = answer["data"]["data"]
        return found


def step(run: Mapping[str, Any], name: str) -> Json:
    """Return one step of a run."""
    found: Json = next(row for row in run["steps"] if row["name"] == name)
    return found


def _told(run: Mapping[str, Any]) -> str:
    steps = [
        f"{row['name']}={row['state']} {row['error_code']} {row['error_detail']}".strip()
        for row in run.get("steps", [])
        if row["state"] not in {"pending", "done"}
    ]
    return f"{run.get('status')} {run.get('error_code')} {run.get('error_hint')} {steps}"


@contextmanager
def running(stack: Stack) -> Iterator[Platform]:
    """Run a stack for the length of the block."""
    with stack:
        platform = Platform(stack)
        try:
            yield platform
        finally:
            platform.http.close()
