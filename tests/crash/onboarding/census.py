"""What an onboarding has left at every vendor and in the database, in words that two onboardings share."""

import re
from typing import Any

import httpx
from hvac.exceptions import InvalidPath

from meshsix.kit import names
from tests.crash.onboarding.rig import Rig
from tests.platform import ANSWERS_WITHIN_SECONDS

Json = dict[str, Any]


def census(rig: Rig, run_id: str, full_name: str) -> Json:
    """Count and describe everything that the onboarding of `full_name` made."""
    repository = names.parse_repository(full_name)
    words = {
        full_name: "OWNER/NAME",
        names.env_name(repository): "ENVIRONMENT",
        repository.owner: "OWNER",
    }
    found = {
        "steps": {row["name"]: row["state"] for row in rig.run(run_id)["steps"]},
        **_github(rig, repository, names.env_name(repository)),
        "vault": _vault(rig, repository),
        "litellm": _litellm(rig, repository),
        "bucket": _bucket(rig, repository),
        "notices": _notices(rig, full_name),
        "stateful sets": _stateful_sets(rig, names.env_name(repository)),
        "rows": _rows(rig, repository),
    }
    plain: Json = _plain(found, words)
    return plain


def _plain(value: Any, words: dict[str, str]) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return {_plain(name, words): _plain(inner, words) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner, words) for inner in value]
    if isinstance(value, str):
        for word, stands_for in words.items():
            value = re.sub(re.escape(word), stands_for, value, flags=re.IGNORECASE)
        return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{32,}", "ID", value)
    return value


def _github(rig: Rig, repository: names.RepositoryName, env_name: str) -> Json:
    state = rig.sandbox("github", "GET", "state")
    full_name = repository.full_name
    platform = state["commits"][rig.stack.env["MESH_SIX_REPO"]]["main"]
    return {
        "boards": [
            {key: value for key, value in board.items() if key != "number"}
            for board in state["boards"]
            if full_name in board["repositories"]
        ],
        "hooks": [
            {"on": hook["on"], "events": hook["events"], "active": hook["active"]}
            for hook in state["hooks"]
            if hook["on"] in {full_name, repository.owner}
        ],
        "pulls": [
            {"title": pull["title"], "head": pull["head"]} for pull in state["pulls"] if pull["repository"] == full_name
        ],
        "commits": state["commits"][full_name],
        "platform commits": [text for text in platform if env_name in text or full_name in text],
    }


def _vault(rig: Rig, repository: names.RepositoryName) -> Json:
    project = _auth_project(rig, repository)
    paths = {
        "webhook": names.webhook_path(repository),
        "organization": names.organization_webhook_path(repository.owner),
        "models": names.litellm_key_path(project),
    }
    credentials = rig.sql(
        "SELECT vault_path FROM auth_credentials WHERE project_id = %s", _auth_project(rig, repository)
    )
    for number, (path,) in enumerate(credentials):
        paths |= {f"access {number}": f"{path}/access", f"refresh {number}": f"{path}/refresh"}
    logins = rig.sql("SELECT secret_path FROM auth_logins WHERE project_id = %s", project)
    paths |= {f"sign-in {number}": str(path) for number, (path,) in enumerate(logins)}
    return {name: _version(rig, path) for name, path in paths.items()}


def _version(rig: Rig, path: str) -> int | None:
    try:
        answer = rig.vault.secrets.kv.v2.read_secret_version(path, raise_on_deleted_version=True)
    except InvalidPath:
        return None
    return int(answer["data"]["metadata"]["version"])


def _litellm(rig: Rig, repository: names.RepositoryName) -> Json:
    team_id = names.litellm_team_id(repository)
    with httpx.Client(
        base_url=rig.stack.env["LITELLM_URL"],
        headers={"Authorization": f"Bearer {rig.stack.env['LITELLM_ADMIN_KEY']}"},
        timeout=ANSWERS_WITHIN_SECONDS,
        trust_env=False,
    ) as client:
        teams = client.get("/team/list").json()
        keys = client.get("/key/list", params={"key_alias": names.litellm_key_alias(repository)}).json()
    return {"teams": [team["team_id"] for team in teams].count(team_id), "keys": len(keys["keys"])}


def _bucket(rig: Rig, repository: names.RepositoryName) -> list[str]:
    bucket = f"{rig.stack.env['S3_ENDPOINT_URL']}/{rig.stack.env.get('S3_BUCKET', 'mesh-six')}"
    answer = httpx.get(
        bucket,
        params={"list-type": "2", "prefix": names.storage_prefix(repository)},
        timeout=ANSWERS_WITHIN_SECONDS,
        trust_env=False,
    )
    return re.findall(r"<Key>([^<]*)</Key>", answer.text)


def _notices(rig: Rig, full_name: str) -> int:
    answer = httpx.get(
        f"{rig.stack.env['NTFY_URL']}/mesh-six/json",
        params={"poll": "1", "since": "all"},
        timeout=ANSWERS_WITHIN_SECONDS,
        trust_env=False,
    )
    return sum(full_name in line for line in answer.text.splitlines())


def _stateful_sets(rig: Rig, env_name: str) -> int:
    answer = httpx.get(
        f"{rig.stack.env['KUBERNETES_API_URL']}/apis/apps/v1/namespaces/mesh-six-envs/statefulsets",
        headers={"Authorization": f"Bearer {rig.stack.env['KUBERNETES_TOKEN']}"},
        timeout=ANSWERS_WITHIN_SECONDS,
        trust_env=False,
    )
    return [item["metadata"]["name"] for item in answer.json()["items"]].count(env_name)


def _auth_project(rig: Rig, repository: names.RepositoryName) -> str:
    rows = rig.sql(
        "SELECT auth_project_id FROM repo_registry WHERE owner = %s AND name = %s", repository.owner, repository.name
    )
    assert len(rows) == 1
    return str(rows[0][0])


def _rows(rig: Rig, repository: names.RepositoryName) -> Json:
    project = _auth_project(rig, repository)
    return {
        "registry": [
            list(row)
            for row in rig.sql(
                "SELECT status, execution_mode, default_branch, trigger_method, board_id <> '', env_name"
                " FROM repo_registry WHERE owner = %s AND name = %s",
                repository.owner,
                repository.name,
            )
        ],
        "hooks": [
            list(row)
            for row in rig.sql(
                "SELECT kind, secret_version, verified_at IS NOT NULL, github_id IS NOT NULL FROM github_hooks"
                " WHERE owner = %s ORDER BY kind",
                repository.owner,
            )
        ],
        "credentials": [
            list(row)
            for row in rig.sql(
                "SELECT kind, source, proven_at IS NOT NULL, invalidated_at IS NULL FROM auth_credentials"
                " WHERE project_id = %s",
                project,
            )
        ],
        "sign-ins": [list(row) for row in rig.sql("SELECT state FROM auth_logins WHERE project_id = %s", project)],
    }
