"""Doctor names each thing that is wrong, with its fix, and leaves nothing behind."""

from datetime import timedelta

import pytest

from apps.onboarding.doctor import services
from apps.onboarding.doctor.report import Finding, State
from apps.onboarding.words import AuthMethod
from meshsix.integrations.vault import Vault
from tests.service.doctor.clinic import Clinic, bad, probes_in

pytestmark = pytest.mark.django_db

PROBES = ("s3: PUT /mesh-six-doctor/_probes/", "s3: DELETE /mesh-six-doctor/_probes/")


def assert_failed(finding: Finding, *, fact: str, fix: str, state: State = State.FAILED) -> None:
    assert (finding.state, fact in finding.fact, fix in finding.fix) == (state, True, True), finding


def test_a_healthy_platform_and_nothing_left_behind(clinic: Clinic) -> None:
    report = clinic.examine()
    assert set(bad(report)) - {"event-log"} == {"kubernetes-no-more"}  # the sandbox's account may do everything
    assert [change for change in clinic.changes() if not change.startswith(PROBES)] == []
    assert list(clinic.clients.storage.objects("_probes/")) == []
    assert probes_in(clinic.clients.vault) == []


def test_without_a_repository_its_checks_are_skipped(clinic: Clinic) -> None:
    report = clinic.examine("", "github")
    states = {finding.name: finding.state for finding in report.findings}
    assert states["github-credential"] is State.OK
    for name in ("repository", "reach", "permissions", "admin", "hooks", "branch"):
        assert states[f"github-{name}"] is State.SKIPPED
    assert report.state is State.OK


def test_an_unknown_check(clinic: Clinic) -> None:
    with pytest.raises(services.NoSuchCheck, match="no check nothing"):
        clinic.examine("", "nothing")


# --- GitHub ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("token", "part", "scope"),
    [
        ("no-repo", "repo", "repo"),
        ("no-project", "project", "project"),
        ("no-org-hook", "admin-org-hook", "admin:org_hook"),
    ],
)
def test_a_missing_scope(clinic: Clinic, token: str, part: str, scope: str) -> None:
    clinic.as_token(f"sandbox-{token}-token")
    finding = clinic.finding(f"github-permissions-{part}", check="github-permissions")
    assert_failed(finding, fact=f"lacks the scope {scope}", fix=f"Tick {scope} at http")
    others = [each for each in clinic.examine("octo-org/bookmarks", "github-permissions").findings if each != finding]
    assert {each.state for each in others} == {State.OK}


def test_a_wrong_token(clinic: Clinic) -> None:
    clinic.as_token("sandbox-unknown-token")
    report = clinic.examine("octo-org/bookmarks", "github")
    by_name = {finding.name: finding for finding in report.findings}
    assert_failed(by_name["github-credential"], fact="Bad credentials", fix="set a valid GITHUB_TOKEN")
    assert by_name["github-admin"].state is State.SKIPPED
    assert "github-credential" in by_name["github-admin"].fact


def test_an_organizations_hooks_are_closed(clinic: Clinic) -> None:
    clinic.as_token("sandbox-no-org-hook-token")
    finding = clinic.finding("github-hooks-organization", check="github-hooks")
    assert_failed(finding, fact="webhooks of the organization", fix="admin:org_hook")


def test_no_admin_rights(clinic: Clinic) -> None:
    clinic.as_token("sandbox-reader-token")
    finding = clinic.finding("github-admin")
    assert_failed(finding, fact="octo-reader may read", fix="/octo-org/bookmarks/settings/access")
    assert clinic.finding("github-hooks-repository", check="github-hooks").state is State.FAILED


def test_a_fine_grained_token_does_not_reach_boards_of_a_user(clinic: Clinic) -> None:
    clinic.as_token("sandbox-fine-token")
    clinic.repository("octo-user/notes", private=False)
    finding = clinic.finding("github-reach", "octo-user/notes")
    assert_failed(finding, fact="octo-user is a user", fix="/settings/tokens/new?")
    assert clinic.finding("github-permissions").state is State.WARNING


@pytest.mark.parametrize(
    ("repository", "fact", "fix"),
    [
        ("octo-org/nothing", "shows no octo-org/nothing", "Check the spelling"),
        ("octo-org/attic", "archived", "Unarchive"),
    ],
)
def test_a_repository_that_cannot_be_used(clinic: Clinic, repository: str, fact: str, fix: str) -> None:
    assert_failed(clinic.finding("github-repository", repository), fact=fact, fix=fix)


def test_a_protected_branch_without_pull_requests(clinic: Clinic) -> None:
    clinic.repository("octo-org/bookmarks", protected=["main"], pull_requests=False)
    try:
        assert_failed(
            clinic.finding("github-branch"), fact="protected and pull requests are off", fix="Turn pull requests on"
        )
        clinic.repository("octo-org/bookmarks", pull_requests=True)
        assert "comes as a pull request" in clinic.finding("github-branch").fact
    finally:
        clinic.repository("octo-org/bookmarks", protected=[], pull_requests=True)


def test_a_spent_budget(clinic: Clinic) -> None:
    quota = {"limit": 5000, "remaining": 3, "reset": 1_900_000_000, "used": 4997}
    body = {"resources": {"core": quota, "graphql": quota}, "rate": quota}
    clinic.vendors["github"].fault("answer", match={"path": "/rate_limit"}, status=200, body=body)
    finding = clinic.finding("github-quota-core", check="github-quota")
    assert_failed(finding, fact="3 of 5000 calls", fix="Wait until", state=State.WARNING)


def test_a_public_address_that_leads_elsewhere(clinic: Clinic) -> None:
    clinic.settings.PUBLIC_URL = clinic.vendors["ntfy"].url
    clinic.clients.__dict__.pop("public", None)
    assert_failed(clinic.finding("public-address"), fact="something else", fix="Correct PUBLIC_URL")


# --- the platform ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("setting", "value", "name", "fix"),
    [
        ("GITHUB_TOKEN", "", "settings-github", "GITHUB_TOKEN_FILE"),
        ("VAULT_ADDR", "", "settings-vault", "Set VAULT_ADDR"),
        ("GITHUB_API_URL", "https://github.example.org/api", "settings-public-url", "Set PUBLIC_URL"),
        ("DEBUG", True, "settings-debug", "DEBUG=false"),
    ],
)
def test_a_bad_setting(clinic: Clinic, setting: str, value: object, name: str, fix: str) -> None:
    setattr(clinic.settings, setting, value)
    assert fix in clinic.finding(name, "", check="settings").fix


def test_doors_that_github_cannot_reach(clinic: Clinic) -> None:
    clinic.settings.GITHUB_API_URL = "https://github.example.org/api"
    clinic.settings.PUBLIC_URL, clinic.settings.WEBHOOK_URL = "https://people.example.org", "http://127.0.0.1:8001"
    finding = clinic.finding("settings-public-url", "", check="settings")
    assert_failed(finding, fact="WEBHOOK_URL is http://127.0.0.1:8001", fix="Set WEBHOOK_URL")


def test_an_event_log_without_partitions_ahead(clinic: Clinic) -> None:
    clinic.settings.EVENT_PARTITIONS_AHEAD_MONTHS = 30
    finding = clinic.finding("event-log", "")
    assert_failed(finding, fact="Missing partitions", fix="manage.py ensure_partitions", state=State.WARNING)


def test_without_workers_and_beat(clinic: Clinic) -> None:
    report = clinic.examine("", "workers", "beat")
    assert_failed(report.findings[0], fact="No worker takes from", fix="celery -A meshsix worker --queues=")
    assert report.findings[-1].state in {State.SKIPPED, State.OK, State.WARNING}


def test_a_slow_check_is_reported_and_holds_nobody_up(clinic: Clinic) -> None:
    clinic.vendors["litellm"].fault("timeout", times=None)
    report = services.examine(None, clinic.clients, only=["litellm", "ntfy"], within=timedelta(seconds=6))
    clinic.vendors["litellm"].no_faults()
    assert_failed(report.findings[0], fact="No answer within 6 s", fix="check again")
    assert report.findings[1].state is State.OK
    assert report.took < timedelta(seconds=30)


# --- cluster ---------------------------------------------------------------------------------------------------------
def test_a_cluster_account_without_rights(clinic: Clinic) -> None:
    clinic.settings.KUBERNETES_TOKEN = "sandbox-weak-token"
    clinic.clients.__dict__.pop("cluster", None)
    by_name = {finding.name: finding for finding in clinic.examine("", "kubernetes").findings}
    assert_failed(by_name["kubernetes-get-pods"], fact="may not get pods", fix="--verb=get --resource=pods")
    assert_failed(by_name["kubernetes-get-statefulsets"], fact="statefulsets.apps", fix="--resource=statefulsets.apps")
    assert by_name["kubernetes-get-pods-log"].state is State.WARNING
    assert by_name["kubernetes-no-more"].state is State.OK


def test_an_argocd_that_does_not_let_us_sync(clinic: Clinic) -> None:
    clinic.vendors["argocd"].fault(
        "answer", match={"path": "/api/v1/account/can-i/*"}, status=200, body={"value": "no"}
    )
    assert_failed(clinic.finding("argocd-sync", "", check="argocd"), fact="may not sync", fix="argocd-rbac-cm")


def test_an_application_that_does_not_exist(clinic: Clinic) -> None:
    clinic.settings.ARGOCD_APPLICATION = "nothing"
    assert "ARGOCD_APPLICATION" in clinic.finding("argocd", "").fix


@pytest.mark.parametrize(
    ("setting", "value", "name", "fix"),
    [
        ("MESH_SIX_REPO", "octo-org/nothing", "platform-repository", "MESH_SIX_REPO"),
        ("MESH_SIX_REPO_BRANCH", "nothing", "platform-repository", "MESH_SIX_REPO_BRANCH"),
        ("MESH_SIX_REPO", "octo-org/attic", "platform-repository", "Unarchive it"),
        ("MESH_SIX_K8S_ROOT", "nothing", "platform-repository-base", "Copy deploy/k8s/base"),
    ],
)
def test_a_platform_repository_of_no_use(clinic: Clinic, setting: str, value: str, name: str, fix: str) -> None:
    setattr(clinic.settings, setting, value)
    finding = clinic.finding(name, "", check="platform-repository")
    assert (finding.state, fix in finding.fix) == (State.FAILED, True), finding


@pytest.mark.parametrize(
    ("setting", "client", "name"),
    [
        ("KUBERNETES_API_URL", "cluster", "kubernetes"),
        ("ARGOCD_URL", "argocd", "argocd"),
        ("LITELLM_URL", "litellm", "litellm"),
        ("NTFY_URL", "ntfy", "ntfy"),
        ("MESH_SIX_REPO", "", "platform-repository"),
    ],
)
def test_what_is_not_configured_is_skipped(clinic: Clinic, setting: str, client: str, name: str) -> None:
    setattr(clinic.settings, setting, "")
    clinic.clients.__dict__.pop(client, None)
    finding = clinic.finding(name, "")
    assert (finding.state, setting in finding.fact) == (State.SKIPPED, True), finding


# --- models, storage, notices, sign-in -------------------------------------------------------------------------------
def test_a_wrong_admin_key(clinic: Clinic) -> None:
    clinic.settings.LITELLM_ADMIN_KEY = "sk-wrong"
    clinic.clients.__dict__.pop("litellm", None)
    assert_failed(clinic.finding("litellm", ""), fact="401", fix="LITELLM_ADMIN_KEY")


def test_a_default_model_that_is_not_served(clinic: Clinic) -> None:
    clinic.settings.LITELLM_DEFAULT_MODEL = "nothing"
    finding = clinic.finding("litellm-default", "", check="litellm")
    assert_failed(finding, fact="no model nothing", fix="one of: claude-sonnet")


@pytest.mark.parametrize("method", ["PUT", "GET", "DELETE"])
def test_a_storage_that_says_no(clinic: Clinic, method: str) -> None:
    body = "<Error><Code>AccessDenied</Code></Error>"
    match = {"method": method, "path": "/mesh-six-doctor/_probes/*"}
    clinic.vendors["s3"].fault("answer", match=match, status=403, body=body)
    finding = clinic.finding("object-storage", "")
    assert (finding.state, "says no" in finding.fact) == (State.FAILED, True), finding
    left = [each.key for each in clinic.clients.storage.objects("_probes/")]
    assert len(left) == (method == "DELETE")
    for key in left:
        assert f"aws s3 rm s3://mesh-six-doctor/{key}" in finding.fix
        clinic.clients.storage.delete(key)


def test_a_bucket_that_is_not_there_yet(clinic: Clinic) -> None:
    clinic.settings.S3_BUCKET = "mesh-six-elsewhere"
    clinic.clients.__dict__.pop("storage", None)
    finding = clinic.finding("object-storage", "")
    assert_failed(finding, fact="no bucket mesh-six-elsewhere", fix="aws s3 mb", state=State.WARNING)


def test_a_wrong_token_for_notices(clinic: Clinic) -> None:
    clinic.settings.NTFY_TOKEN = "wrong"
    clinic.clients.__dict__.pop("ntfy", None)
    assert_failed(clinic.finding("ntfy", ""), fact="401", fix="token for ntfy")


@pytest.mark.parametrize("method", [AuthMethod.LOGIN, AuthMethod.DEVICE])
def test_a_way_to_sign_in_that_is_not_configured(clinic: Clinic, method: AuthMethod) -> None:
    clinic.settings.CLAUDE_OAUTH_CLIENT_ID = ""
    clinic.clients.__dict__.pop("claude", None)
    finding = clinic.finding("coding-agent", "", method=method)
    assert_failed(finding, fact=f"by {method} is not configured", fix="CLAUDE_OAUTH_CLIENT_ID")
    assert clinic.finding("coding-agent", "", method=AuthMethod.API_KEY).state is State.OK


def test_vault_does_not_know_us(clinic: Clinic) -> None:
    clinic.settings.VAULT_SECRET_ID = "wrong"
    clinic.clients.__dict__.pop("vault", None)
    finding = clinic.finding("vault-sign-in", "")
    assert_failed(finding, fact="does not accept the platform's own sign-in", fix="VAULT_ROLE_ID")
    assert isinstance(clinic.clients.vault, Vault)
