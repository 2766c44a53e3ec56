"""What people and vendors' owners do from outside: a browser with a session, a terminal, hands on GitHub's pages."""

import base64
import html
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Self

import httpx
import hvac

from deploy.local.options import BASE
from tests import servers
from tests.platform import ANSWERS_WITHIN_SECONDS, Platform, eventually

QUICK: Mapping[str, str] = {
    "RATE_LIMITS_ON": "false",
    "ONBOARDING_GITHUB_FIRST_PAUSE_SECONDS": "0.2",
    "ONBOARDING_GITHUB_LONGEST_PAUSE_SECONDS": "2",
    "ONBOARDING_FIRST_PAUSE_SECONDS": "0.2",
    "ONBOARDING_LONGEST_PAUSE_SECONDS": "2",
    "SYNC_POLL_INTERVAL_SECONDS": "0.3",
    "POD_POLL_INTERVAL_SECONDS": "0.3",
}
POLICY = BASE / "deploy" / "k8s" / "base" / "vault" / "platform.hcl"
PLATFORM = "octo-org/platform"
KUSTOMIZATION = "k8s/base/kustomization.yaml"
_STATUS_OF = """
import contextlib, io, json
from django.core.management import call_command
said = {{}}
for name in {names!r}:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        try:
            call_command("onboarding_status", name)
            code = 0
        except SystemExit as error:
            code = error.code
    said[name] = code, out.getvalue()
print(json.dumps(said))
"""
_COMMIT = """mutation ($input: CreateCommitOnBranchInput!) { createCommitOnBranch(input: $input) { commit { oid } } }"""


def quick_environment(**more: str) -> dict[str, str]:
    """Return an environment in which pauses are short."""
    return {**servers.plain_environment(), **QUICK, **more}


@dataclass
class Browser:
    """A browser in which the demo account is signed in."""

    platform: Platform

    @cached_property
    def client(self) -> httpx.Client:
        """The browser's connection and cookies."""
        url = self.platform.stack.url
        return httpx.Client(base_url=url, timeout=ANSWERS_WITHIN_SECONDS, trust_env=False, follow_redirects=True)

    @contextmanager
    def signed_in(self) -> Iterator[Self]:
        """Sign in by the form for the length of the block."""
        with self.client as client:
            client.get("/sign-in")
            form = {"username": "demo", "password": self.platform.stack.demo_password or "", "next": "/"}
            form["csrfmiddlewaretoken"] = client.cookies["csrftoken"]
            client.post("/sign-in", data=form, headers={"Referer": self.platform.stack.url})
            assert "sessionid" in client.cookies
            yield self

    def page(self, path: str) -> str:
        """Return a page's HTML."""
        answer = self.client.get(path)
        assert answer.is_success, f"{path}: {answer.status_code}"
        return answer.text

    def words(self, path: str) -> str:
        """Return what a person reads on a page, in one line."""
        return plain(html.unescape(re.sub(r"<[^>]*>", " ", self.page(path))))


def plain(text: str) -> str:
    """Return a text in one line, without the frames that a terminal draws."""
    return " ".join(re.sub(r"[─│╭╮╰╯]", " ", text).split())


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a command said, in one line, and its exit code."""

    exit: int
    words: str


def terminal(platform: Platform, *repositories: str) -> dict[str, Told]:
    """Return what `manage.py onboarding_status` says of each repository; of several in one process, to save starts."""
    if len(repositories) == 1:
        done = platform.stack.manage("onboarding_status", *repositories, check=False)
        return {repositories[0]: Told(exit=done.returncode, words=plain(done.stdout))}
    done = platform.stack.manage("shell", "--no-imports", "--command", _STATUS_OF.format(names=repositories))
    answers = json.loads(done.stdout.splitlines()[-1])
    return {name: Told(exit=code, words=plain(words)) for name, (code, words) in answers.items()}


def failure(run: Mapping[str, Any]) -> tuple[str, str]:
    """Return code and hint of a failed run, which are those of its failed step."""
    failed = next(row for row in run["steps"] if row["state"] == "failed")
    assert (run["error_code"], run["error_hint"]) == (failed["error_code"], failed["error_hint"])
    return run["error_code"], run["error_hint"]


def finished_steps(run: Mapping[str, Any]) -> dict[str, Any]:
    """Return when each step that is done was worked on, and how often."""
    return {
        row["name"]: (row["attempt"], row["started_at"], row["finished_at"], len(row["attempts"]))
        for row in run["steps"]
        if row["state"] in {"done", "skipped"}
    }


@dataclass
class Owner:
    """The sandbox GitHub in the hands of the person whose token the platform uses."""

    platform: Platform

    def rest(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
        """Call REST."""
        stack = self.platform.stack
        headers = {"Authorization": f"Bearer {stack.env['GITHUB_TOKEN']}"}
        answer = httpx.request(
            method,
            f"{stack.sandboxes['github']}{path}",
            json=body,
            headers=headers,
            timeout=ANSWERS_WITHIN_SECONDS,
            trust_env=False,
        )
        assert answer.is_success, f"{method} {path}: {answer.text}"
        return answer.json() if answer.content else None

    def graphql(self, document: str, **variables: object) -> Any:  # noqa: ANN401 - JSON
        """Call GraphQL."""
        answer = self.rest("POST", "/graphql", {"query": document, "variables": variables})
        assert not answer.get("errors"), answer
        return answer["data"]

    def text(self, repository: str, path: str) -> str:
        """Return a file of the default branch."""
        return base64.b64decode(self.rest("GET", f"/repos/{repository}/contents/{path}")["content"]).decode()

    def write(self, repository: str, path: str, text: str) -> None:
        """Commit a file."""
        head = self.rest("GET", f"/repos/{repository}/branches/main")["commit"]["sha"]
        addition = {"path": path, "contents": base64.b64encode(text.encode()).decode()}
        wanted = {
            "branch": {"repositoryNameWithOwner": repository, "branchName": "main"},
            "expectedHeadOid": head,
            "message": {"headline": "Edit by hand"},
            "fileChanges": {"additions": [addition]},
        }
        self.graphql(_COMMIT, input=wanted)

    def ids(self, repository: str) -> tuple[str, str]:
        """Return the node ids of the owner and of the repository."""
        found = self.rest("GET", f"/repos/{repository}")
        return found["owner"]["node_id"], found["node_id"]


@dataclass
class VaultKeeper:
    """OpenBao in the hands of the person who writes its policies."""

    platform: Platform

    def forbid(self, *paths: str) -> None:
        """Let the platform's policy say no to these paths of the store; without any, be as it is delivered."""
        kept = self.platform.stack.options.data / "openbao-approles.json"
        role = json.loads(kept.read_text(encoding="utf-8"))["meshsix-launcher"]
        client = hvac.Client(self.platform.stack.env["VAULT_ADDR"])
        client.auth.approle.login(role["role_id"], role["secret_id"])
        denied = [f'path "secret/data/{path}" {{ capabilities = ["deny"] }}' for path in paths]
        client.sys.create_or_update_acl_policy(
            "meshsix-platform", "\n".join([POLICY.read_text(encoding="utf-8"), *denied])
        )
        client.auth.token.revoke_self()


def refuse_codes(platform: Platform, run_id: str, *, times: int) -> None:
    """Hand in a code that the provider never gave, as often as asked, each for the address that is open then."""
    before = ""
    for _ in range(times):
        before = url = eventually(partial(_fresh_address, platform, run_id, before), what="no fresh address")
        state = httpx.URL(url).params["state"]
        code = f"wrong-code-that-nobody-gave#{state}"
        platform.ask("POST", f"/onboard/{run_id}/auth-callback", {"code": code}, status=202)


def _fresh_address(platform: Platform, run_id: str, seen: str) -> str:
    run = platform.run(run_id)
    return run["oauth_device_url"] if run["status"] == "waiting_auth" and run["oauth_device_url"] != seen else ""
