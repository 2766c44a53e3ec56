"""Every way in which a step fails for good: how it comes about, which words people read, and how it is mended."""

import base64
from collections.abc import Callable
from dataclasses import dataclass, field

from meshsix.kit import names
from tests.doors import KUSTOMIZATION, PLATFORM, Owner, VaultKeeper
from tests.platform import Json, Platform, eventually

BACKOFF_SECONDS = 60
"""Longer than the platform of these tests waits for a pod: one that crashed is down when its run gives up, and a
resumed run must wait for the pod's next start."""
Act = Callable[[Platform, str], None]
LOCAL: Json = {"execution_mode": "local", "skip_auth": True, "skip_litellm": True}
POD: Json = {**LOCAL, "execution_mode": "envbuilder"}
SIGN_IN: Json = {**LOCAL, "skip_auth": False}

_BOARD = """mutation ($owner: ID!, $repository: ID!) {
  createProjectV2(input: {ownerId: $owner, repositoryId: $repository, title: "Roadmap"}) {
    projectV2 { id fields(first: 20) { nodes { ... on ProjectV2FieldCommon { id name } } } }
  }
}"""
_NUMBER = """mutation ($project: ID!) {
  createProjectV2Field(input: {projectId: $project, name: "Priority", dataType: NUMBER}) {
    projectV2Field { ... on ProjectV2FieldCommon { id } }
  }
}"""
_DELETE_FIELD = """mutation ($field: ID!) { deleteProjectV2Field(input: {fieldId: $field}) { clientMutationId } }"""
_DRAFT = """mutation ($project: ID!) {
  addProjectV2DraftIssue(input: {projectId: $project, title: "A card"}) { projectItem { id } }
}"""
_OPTIONS = """mutation ($field: ID!, $options: [ProjectV2SingleSelectFieldOptionInput!]) {
  updateProjectV2Field(input: {fieldId: $field, singleSelectOptions: $options}) { clientMutationId }
}"""
_STATUS = ("Todo", "Planning", "In Progress", "QA", "Review", "Blocked", "Done")
_REFUSED_BY_S3 = "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"


def nothing(platform: Platform, name: str) -> None:
    """Do nothing: what was in the way went by itself."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One failure. `spoil` happens before the start, `person` while it waits for a sign-in, `mend` after the failure.

    `about` is the repository's name; `facts` are those with which it is made, None where there is none at first.
    """

    about: str
    code: str
    step: str
    says: str = ""
    owner: str = "octo-org"
    ask: Json = field(default_factory=lambda: dict(LOCAL))
    facts: Json | None = field(default_factory=dict)
    spoil: Act = nothing
    person: Act = nothing
    mend: Act = nothing

    @property
    def name(self) -> str:
        """The repository's full name."""
        return f"{self.owner}/{self.about}"


def make(case: Case, platform: Platform) -> None:
    """Make the case's repository."""
    platform.repository(**{"owner": case.owner, "name": case.about, **(case.facts or {})})


def made(platform: Platform, name: str, **facts: object) -> None:
    """Make a repository that was missing."""
    owner, _, short = name.partition("/")
    platform.repository(owner, name=short, **facts)


def setting(platform: Platform, name: str, **facts: object) -> None:
    """Change facts of a repository on its settings page."""
    platform.sandbox("github", "PATCH", f"repositories/{name}", facts)


def github(platform: Platform, name: str, *, path: str, status: int) -> None:
    """Let GitHub answer so once."""
    platform.fault("github", "status", match={"path": path.format(name=name)}, status=status)


def disabled(platform: Platform, name: str) -> None:
    """Let GitHub say once that it has disabled the repository."""
    body = {**Owner(platform).rest("GET", f"/repos/{name}"), "disabled": True}
    platform.fault("github", "answer", match={"method": "GET", "path": f"/repos/{name}"}, body=body)


def promoted(platform: Platform, name: str) -> None:
    """Let an owner of the organization make us one too."""
    platform.sandbox("github", "PATCH", f"accounts/{name.partition('/')[0]}", {"owners": ["boss", "octo-user"]})


def branch_pushed(platform: Platform, name: str) -> None:
    """Push the branch that was missing."""
    owner = Owner(platform)
    head = owner.rest("GET", f"/repos/{name}/branches/main")["commit"]["sha"]
    owner.rest("POST", f"/repos/{name}/git/refs", {"ref": "refs/heads/next", "sha": head})


def number_field(platform: Platform, name: str) -> None:
    """Link a board whose Priority is a number."""
    owner = Owner(platform)
    ids = owner.ids(name)
    board = owner.graphql(_BOARD, owner=ids[0], repository=ids[1])["createProjectV2"]["projectV2"]
    owner.graphql(_NUMBER, project=board["id"])


def field_deleted(platform: Platform, name: str) -> None:
    """Delete that field on the board."""
    owner = Owner(platform)
    owner.graphql(_DELETE_FIELD, field=board_field(owner, name, "Priority"))


def cards(platform: Platform, name: str) -> None:
    """Link a board with GitHub's usual columns and a card."""
    owner = Owner(platform)
    ids = owner.ids(name)
    board = owner.graphql(_BOARD, owner=ids[0], repository=ids[1])["createProjectV2"]["projectV2"]
    owner.graphql(_DRAFT, project=board["id"])


def options_added(platform: Platform, name: str) -> None:
    """Add the missing columns by hand."""
    owner = Owner(platform)
    options = [{"name": each, "color": "GRAY", "description": ""} for each in _STATUS]
    owner.graphql(_OPTIONS, field=board_field(owner, name, "Status"), options=options)


def board_field(owner: Owner, name: str, wanted: str) -> str:
    """Return the id of a field of the repository's only board."""
    login, _, short = name.partition("/")
    found = owner.graphql(
        """query ($owner: String!, $name: String!) { repository(owner: $owner, name: $name) { projectsV2(first: 1) {
             nodes { fields(first: 20) { nodes { ... on ProjectV2FieldCommon { id name } } } } } } }""",
        owner=login,
        name=short,
    )
    nodes = found["repository"]["projectsV2"]["nodes"][0]["fields"]["nodes"]
    return next(str(each["id"]) for each in nodes if each["name"] == wanted)


def read_only_board(platform: Platform, name: str) -> None:
    """Let GitHub refuse once to change the board that it makes."""
    owner, _, short = name.partition("/")
    refused = {"type": "FORBIDDEN", "path": ["createProjectV2"], "message": f"{owner} may not change {short}"}
    match = {"operation": "createProjectV2", "contains": f"Mesh Six: {name}"}
    platform.fault("github", "answer", match=match, body={"data": None, "errors": [refused]})


def foreign_secret(platform: Platform, name: str) -> None:
    """Put another repository's secret at the path."""
    data = {"secret": "x" * 64, "owner": "somebody", "repo": "else"}
    platform.vault.secrets.kv.v2.create_or_update_secret(f"mesh-six/webhooks/{name}", data)


def secret_moved(platform: Platform, name: str) -> None:
    """Move it away."""
    platform.vault.secrets.kv.v2.delete_metadata_and_all_versions(f"mesh-six/webhooks/{name}")


def vault_forbids(platform: Platform, name: str) -> None:
    """Take a right away in Vault's policy."""
    VaultKeeper(platform).forbid(f"mesh-six/webhooks/{name}")


def vault_allows(platform: Platform, name: str) -> None:
    """Apply the delivered policy again."""
    del name
    VaultKeeper(platform).forbid()


def storage_refuses(platform: Platform, name: str) -> None:
    """Let the storage say no once."""
    match = {"path": f"/mesh-six/repos/{name}/*"}
    platform.fault("s3", "answer", match=match, status=403, body=_REFUSED_BY_S3)


def twenty_hooks(platform: Platform, name: str) -> None:
    """Use GitHub's limit of hooks up."""
    for number in range(20):
        config = {"url": f"http://127.0.0.1:1/{number}", "content_type": "json"}
        Owner(platform).rest("POST", f"/repos/{name}/hooks", {"config": config, "events": ["push"]})


def hook_deleted(platform: Platform, name: str) -> None:
    """Delete one of them."""
    owner = Owner(platform)
    first = owner.rest("GET", f"/repos/{name}/hooks")[0]["id"]
    owner.rest("DELETE", f"/repos/{name}/hooks/{first}")


def pings_lost(platform: Platform, name: str) -> None:
    """Let nothing reach the repository's hooks."""
    platform.sandbox("github", "POST", "deliveries", {"lost": [name]})


def pings_arrive(platform: Platform, name: str) -> None:
    """Let deliveries arrive again."""
    del name
    platform.sandbox("github", "POST", "deliveries", {"lost": []})


def good_devcontainer(platform: Platform, name: str) -> None:
    """Correct the file."""
    Owner(platform).write(name, ".devcontainer/devcontainer.json", '{"image": "debian:13"}\n')


def pod_fault(platform: Platform, name: str, *, fault: str) -> None:
    """Let something be wrong with the environment's pod, or no longer. One that crashes is started again late."""
    pod = f"{names.env_name(names.parse_repository(name))}-0"
    platform.sandbox("kubernetes", "POST", f"pods/{pod}", {"fault": fault, "seconds": BACKOFF_SECONDS})


def litellm_refuses(platform: Platform, name: str) -> None:
    """Let LiteLLM refuse the admin key once."""
    match = {"contains": names.env_name(names.parse_repository(name))}
    platform.fault("litellm", "status", match=match, status=401)


def no_kustomization(platform: Platform, name: str) -> None:
    """Overwrite the platform repository's list."""
    del name
    Owner(platform).write(PLATFORM, KUSTOMIZATION, "kind: Deployment\n")


def kustomization_repaired(platform: Platform, name: str) -> None:
    """Write it anew, as it was before."""
    del name
    owner = Owner(platform)
    before = owner.rest("GET", f"/repos/{PLATFORM}/commits?path={KUSTOMIZATION}&per_page=2")[1]["sha"]
    found = owner.rest("GET", f"/repos/{PLATFORM}/contents/{KUSTOMIZATION}?ref={before}")
    owner.write(PLATFORM, KUSTOMIZATION, base64.b64decode(found["content"]).decode())


def sync_fails(platform: Platform, name: str, *, how: str) -> None:
    """Let Argo CD's next operation end badly."""
    asked = {"fault": how, "message": f"the cluster does not want {name}"}
    platform.sandbox("argocd", "POST", "applications/mesh-six", asked)


def tokens(platform: Platform, name: str, **facts: object) -> None:
    """Hand over another token of the same person."""
    del name
    platform.sandbox("github", "PATCH", "tokens/octo-user", facts)


def declined(platform: Platform, run_id: str) -> None:
    """Decline to sign in."""
    platform.wait(run_id, "waiting_auth")
    platform.ask("POST", f"/onboard/{run_id}/decline", {}, status=202)


def unknown_client(platform: Platform, run_id: str) -> None:
    """Sign in at a provider that does not know the platform."""
    body = {"error": "invalid_client", "error_description": "Client with id not found"}
    platform.fault("sign_in", "status", match={"path": "/v1/oauth/token"}, status=401, body=body)
    platform.sign_in(run_id)
    eventually(lambda: platform.run(run_id)["status"] == "failed")
