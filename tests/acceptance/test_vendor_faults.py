"""Vendors that are slow, limited or cut off in the middle: runs wait visibly, complete, and do nothing twice."""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.local.options import Options
from deploy.local.stack import Stack
from meshsix.kit import names
from tests.doors import quick_environment
from tests.platform import Json, Platform, eventually, running, step

pytestmark = [pytest.mark.acceptance, pytest.mark.xdist_group("vendor-faults")]

ASK: Json = {"execution_mode": "envbuilder", "skip_auth": True}
LIMIT_SECONDS = 5
NAMES = ("A-B/My.Repo_x", f"octo-org/{'n' * 100}", "a-b/c", "a/b-c")
NOT_ALWAYS = r"^s3 |^argocd .*/sync$|/pings$"
"""Calls that not every run makes: the bucket is there already, and the slower of two sees what the other began."""
RFC_1123 = re.compile(r"[a-z0-9]([-a-z0-9]{0,50}[a-z0-9])?")


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    data: Path = tmp_path_factory.mktemp("vendor-faults") / "stack"
    with running(Stack(Options(data=data, environ=quick_environment(), workers=2))) as found:
        yield found


def new(platform: Platform, owner: str) -> str:
    """Make a repository in an organization of its own."""
    return platform.repository(owner, name="app", owner_kind="Organization", owners=["octo-user"])


@pytest.fixture(scope="module")
def calm(platform: Platform) -> tuple[Json, list[Json]]:
    """A run that nothing disturbs, and every call by which it changed something."""
    name = new(platform, "calm")
    platform.forget()
    run = platform.onboard(name, **ASK)
    changes = [
        {"vendor": vendor, **entry}
        for vendor in ("github", "s3", "litellm", "argocd")  # to the cluster only Argo CD writes
        for entry in platform.requests(vendor)
        if entry["changes"]
    ]
    return run, changes


def attempts(run: Json) -> dict[str, int]:
    return {row["name"]: row["attempt"] for row in run["steps"]}


def limited(name: str) -> dict[str, tuple[str, Json]]:
    """Return which limit each step meets, and in which call."""
    env_name = names.env_name(names.parse_repository(name))
    return {
        "validate_repo": ("rate-limit-primary", {"method": "GET", "path": f"/repos/{name}"}),
        "create_project_board": ("graphql-rate-limit", {"operation": "createProjectV2"}),
        "register_webhook": ("rate-limit-secondary", {"method": "POST", "path": f"/repos/{name}/hooks"}),
        "scaffold_devcontainer": ("rate-limit-primary", {"method": "POST", "path": f"/repos/{name}/pulls"}),
        "generate_kube_manifests": ("graphql-rate-limit", {"operation": "createCommitOnBranch", "contains": env_name}),
    }


def test_limits_of_github_are_waited_for_visibly_and_count_no_attempt(
    platform: Platform, calm: tuple[Json, list[Json]]
) -> None:
    name = new(platform, "limited")
    faults = limited(name)
    for kind, match in faults.values():
        platform.fault("github", kind, match=match, seconds=LIMIT_SECONDS)
    seen: dict[str, Json] = {}
    run_id = platform.start(name, **ASK)

    def over() -> Json | None:
        run = platform.run(run_id)
        for wait in run["waits"]:
            row = step(run, wait["step"])
            if row["state"] == "retrying" and row["error_code"] == "github:try-later":
                seen.setdefault(row["name"], {**wait, "due_at": row["due_at"], "detail": row["error_detail"]})
        return run if run["status"] in {"completed", "failed"} else None

    run = eventually(over)
    assert run["status"] == "completed"
    assert set(faults) <= set(seen)
    for wait in seen.values():
        assert datetime.fromisoformat(wait["due_at"]) > datetime.fromisoformat(wait["since"])
        assert wait["until"] == wait["due_at"]
        assert "limit" in wait["hint"]
        assert "limit" in wait["detail"]
    assert attempts(run) == attempts(calm[0])
    assert held(platform, run, name) == held(platform, calm[0], "calm/app")


@pytest.mark.parametrize(
    ("owner", "kind", "more"),
    [
        ("bad-gateway", "status", {"status": 502}),
        ("worked-anyway", "status", {"status": 502, "effect": True}),
        ("cut-before", "drop-before-effect", {}),
        ("cut-after", "drop-after-effect", {}),
    ],
)
def test_each_changing_call_may_break_once_and_nothing_is_done_twice(
    platform: Platform, calm: tuple[Json, list[Json]], owner: str, kind: str, more: Json
) -> None:
    name = new(platform, owner)
    calls = {(entry["vendor"], tuple(sorted(pattern(entry, owner).items()))) for entry in calm[1]}
    assert {vendor for vendor, _ in calls} >= {"github", "s3", "litellm", "argocd"}
    platform.forget()
    for vendor, match in calls:
        platform.fault(vendor, kind, match=dict(match), **more)
    run = platform.onboard(name, **ASK)
    met = {
        (vendor, tuple(sorted(pattern(entry, owner).items())))
        for vendor in platform.stack.sandboxes
        for entry in platform.requests(vendor)
        if entry["fault"]
    }
    unmet = [f"{vendor} {dict(match).get('path', match)}" for vendor, match in calls - met]
    assert [call for call in unmet if not re.search(NOT_ALWAYS, call)] == []
    broken = [(row["name"], each) for row in run["steps"] for each in row["attempts"] if each["error_code"]]
    assert {"create_project_board", "register_webhook", "configure_litellm"} <= {name for name, _ in broken}
    assert all(each["error_code"].endswith(":try-later") and each["error_detail"] for _, each in broken)
    assert held(platform, run, name) == held(platform, calm[0], "calm/app")
    for vendor in platform.stack.sandboxes:
        platform.sandbox(vendor, "DELETE", "faults")


def pattern(entry: Json, owner: str) -> Json:
    """Return what picks the same call in another organization's run."""
    if entry["operations"]:
        return {"operation": entry["operations"][0]["fields"][0]}
    path = entry["path"].replace("/calm/", f"/{owner}/").replace("/orgs/calm", f"/orgs/{owner}")
    return {"method": entry["method"], "path": re.sub(r"/\d+(?=/|$)", "/*", path)}


def held(platform: Platform, run: Json, name: str) -> Json:
    """Return how many of each thing the vendors hold for a repository, without its name."""
    owner = name.partition("/")[0]
    env_name = names.env_name(names.parse_repository(name))
    state = platform.sandbox("github", "GET", "state")
    commits = [message for messages in state["commits"]["octo-org/platform"].values() for message in messages]
    return {
        "boards": [board["fields"] for board in state["boards"] if name in board["repositories"]],
        "hooks": Counter(hook["target"] for hook in state["hooks"] if hook["on"] in {name, owner}),
        "pulls": sum(pull["repository"] == name for pull in state["pulls"]),
        "branches": sorted(state["commits"][name]),
        "commits": sum(f"{env_name}\n" in f"{message}\n" or f"{env_name}/" in message for message in commits),
        "manifests": sum(env_name in message for message in commits),
        "sets": [each for each in cluster(platform, "statefulsets") if each == env_name].count(env_name),
        "keys": keys(platform, step(run, "configure_litellm")["output"]["key_alias"]),
        "secret": len(platform.secret(f"mesh-six/webhooks/{name}")["secret"]),
    }


def cluster(platform: Platform, kind: str) -> list[str]:
    """Return the names of the environments' objects of a kind."""
    found = ask_vendor(
        platform,
        "kubernetes",
        f"/apis/apps/v1/namespaces/mesh-six-envs/{kind}",
        token=platform.stack.env["KUBERNETES_TOKEN"],
    )
    return [each["metadata"]["name"] for each in found["items"]]


def keys(platform: Platform, alias: str) -> int:
    """Return how many keys LiteLLM has under an alias."""
    path = f"/key/list?key_alias={alias}&return_full_object=true&include_team_keys=true"
    return len(ask_vendor(platform, "litellm", path, token=platform.stack.env["LITELLM_ADMIN_KEY"])["keys"])


def ask_vendor(platform: Platform, vendor: str, path: str, *, token: str) -> Any:  # noqa: ANN401 - JSON
    headers = {"Authorization": f"Bearer {token}"}
    answer = httpx.get(f"{platform.stack.sandboxes[vendor]}{path}", headers=headers, timeout=60, trust_env=False)
    assert answer.is_success, answer.text
    return answer.json()


def test_names_that_are_long_odd_or_alike_stay_valid_and_apart_at_every_vendor(platform: Platform) -> None:
    for name in NAMES:
        owner, _, short = name.partition("/")
        platform.repository(owner, name=short, owner_kind="Organization", owners=["octo-user"])
    started = {name: platform.start(name, **ASK) for name in NAMES}
    runs = {name: platform.wait(run_id, "completed") for name, run_id in started.items()}
    kinds: dict[str, list[str]] = {
        "env": [step(run, "register_in_database")["output"]["env_name"] for run in runs.values()],
        "pod": [step(run, "verify_pod_health")["output"]["name"] for run in runs.values()],
        "secret": [step(run, "register_webhook_secret")["output"]["path"] for run in runs.values()],
        "prefix": [step(run, "provision_backend")["output"]["prefix"] for run in runs.values()],
        "queue": [step(run, "provision_backend")["output"]["queue"] for run in runs.values()],
        "folder": [step(run, "generate_kube_manifests")["output"]["folder"] for run in runs.values()],
        "board": [step(run, "create_project_board")["output"]["board_id"] for run in runs.values()],
        "team": [step(run, "configure_litellm")["output"]["team_id"] for run in runs.values()],
        "key": [step(run, "configure_litellm")["output"]["key_alias"] for run in runs.values()],
    }
    for kind, found in kinds.items():
        assert len({each.lower() for each in found}) == len(NAMES), f"{kind}: {found}"
    assert all(RFC_1123.fullmatch(each) for each in kinds["env"])
    assert set(kinds["env"]) <= set(cluster(platform, "statefulsets"))
    for name, path in zip(NAMES, kinds["secret"], strict=True):
        kept = platform.secret(path)
        assert f"{kept['owner']}/{kept['repo']}".lower() == name.lower()
    assert [keys(platform, alias) for alias in kinds["key"]] == [1] * len(NAMES)
    state = platform.sandbox("github", "GET", "state")
    for name in NAMES:
        linked = [
            board for board in state["boards"] if name.lower() in {each.lower() for each in board["repositories"]}
        ]
        assert len(linked) == 1
        assert sum(hook["on"].lower() == name.lower() for hook in state["hooks"]) == 1
