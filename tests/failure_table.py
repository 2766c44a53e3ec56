"""The table of failures: SIDE_BY_SIDE touch their own repository only, ALONE something that all runs share."""

from functools import partial

from tests import failure_cases as case
from tests.doors import refuse_codes
from tests.failure_cases import LOCAL, POD, SIGN_IN, Case

_FULL = ("repo", "admin:repo_hook", "admin:org_hook", "project", "read:org")
_OTHERS = {"owner_kind": "Organization", "owners": ["boss"], "collaborators": {"octo-user": "push"}}
_PODS = {
    "ImagePullBackOff": ("onboard:pod:image-pull", "ImagePullBackOff"),
    "CrashLoopBackOff": ("onboard:pod:crash-loop", "Last ended: environment with code 1"),
    "CreateContainerConfigError": ("onboard:pod:bad-config", "CreateContainerConfigError"),
    "Unschedulable": ("onboard:pod:unschedulable", "nodes are available"),
}

SIDE_BY_SIDE = (
    Case(about="absent", code="onboard:repository:missing", step="validate_repo", facts=None, mend=case.made),
    Case(
        about="archived",
        code="onboard:repository:archived",
        step="validate_repo",
        facts={"archived": True},
        mend=partial(case.setting, archived=False),
    ),
    Case(about="disabled", code="onboard:repository:disabled", step="validate_repo", spoil=case.disabled),
    Case(
        about="guest",
        owner="others",
        code="onboard:user:no-admin-rights",
        step="validate_repo",
        facts=_OTHERS,
        mend=case.promoted,
    ),
    Case(
        about="branch",
        code="onboard:branch:missing",
        step="validate_repo",
        says="next",
        ask={**LOCAL, "default_branch": "next"},
        mend=case.branch_pushed,
    ),
    Case(
        about="number",
        code="onboard:board:field-type",
        step="create_project_board",
        says="Priority",
        spoil=case.number_field,
        mend=case.field_deleted,
    ),
    Case(
        about="cards",
        code="onboard:board:options-would-be-lost",
        step="create_project_board",
        says="Status",
        spoil=case.cards,
        mend=case.options_added,
    ),
    Case(about="read-only", code="github:forbidden", step="create_project_board", spoil=case.read_only_board),
    Case(
        about="foreign",
        code="onboard:vault:foreign-secret",
        step="register_webhook_secret",
        spoil=case.foreign_secret,
        mend=case.secret_moved,
    ),
    Case(
        about="forbidden",
        code="vault:forbidden",
        step="register_webhook_secret",
        spoil=case.vault_forbids,
        mend=case.vault_allows,
    ),
    Case(about="storage", code="storage:forbidden", step="provision_backend", spoil=case.storage_refuses),
    Case(
        about="hooks",
        code="onboard:hook:limit",
        step="register_webhook",
        spoil=case.twenty_hooks,
        mend=case.hook_deleted,
    ),
    Case(
        about="no-hooks",
        code="onboard:hook:no-right",
        step="register_webhook",
        spoil=partial(case.github, path="/repos/{name}/hooks", status=403),
    ),
    Case(
        about="org-hooks",
        owner="no-org-hooks",
        code="onboard:hook:no-right",
        step="register_webhook",
        facts={"owner_kind": "Organization", "owners": ["octo-user"]},
        spoil=partial(case.github, path="/orgs/no-org-hooks/hooks", status=404),
    ),
    Case(
        about="silent",
        code="onboard:hook:no-ping",
        step="register_webhook",
        spoil=case.pings_lost,
        mend=case.pings_arrive,
    ),
    Case(
        about="unreadable",
        code="onboard:devcontainer:unreadable",
        step="scaffold_devcontainer",
        facts={"files": {".devcontainer/devcontainer.json": '{"image": '}},
        mend=case.good_devcontainer,
    ),
    Case(
        about="protected",
        code="onboard:devcontainer:protected-no-pull-requests",
        step="scaffold_devcontainer",
        facts={"protected": ["main"], "pull_requests": False},
        mend=partial(case.setting, pull_requests=True),
    ),
    *(
        Case(
            about=fault.lower(),
            code=code,
            step="verify_pod_health",
            says=says,
            ask=POD,
            spoil=partial(case.pod_fault, fault=fault),
            mend=partial(case.pod_fault, fault="none"),
        )
        for fault, (code, says) in _PODS.items()
    ),
    Case(
        about="models",
        code="litellm:admin-key-refused",
        step="configure_litellm",
        ask={**LOCAL, "skip_litellm": False},
        spoil=case.litellm_refuses,
    ),
    Case(about="late", code="onboard:sign-in:expired", step="initiate_claude_oauth", ask=SIGN_IN),
)

ALONE = (
    Case(
        about="fine-grained",
        owner="octo-user",
        code="onboard:token:user-boards-need-classic",
        step="validate_repo",
        spoil=partial(case.tokens, kind="fine-grained"),
        mend=partial(case.tokens, kind="classic"),
    ),
    Case(
        about="scopes",
        code="onboard:token:scopes-missing",
        step="validate_repo",
        says="project",
        spoil=partial(case.tokens, scopes=["repo"]),
        mend=partial(case.tokens, scopes=list(_FULL)),
    ),
    Case(
        about="revoked",
        code="github:unauthorized",
        step="validate_repo",
        spoil=partial(case.github, path="/user", status=401),
    ),
    Case(
        about="nowhere",
        code="onboard:platform:missing",
        step="generate_kube_manifests",
        ask=POD,
        spoil=partial(case.github, path="/repos/octo-org/platform*", status=404),
    ),
    Case(
        about="no-list",
        code="onboard:platform:no-kustomization",
        step="update_kustomization",
        ask=POD,
        spoil=case.no_kustomization,
        mend=case.kustomization_repaired,
    ),
    *(
        Case(
            about=f"sync-{how.lower()}",
            code="onboard:sync:failed",
            step="trigger_sync",
            says="the cluster does not want",
            ask=POD,
            spoil=partial(case.sync_fails, how=how),
        )
        for how in ("Failed", "Error")
    ),
    Case(
        about="declined",
        code="onboard:sign-in:declined",
        step="initiate_claude_oauth",
        ask=SIGN_IN,
        person=case.declined,
    ),
    Case(
        about="wrong-codes",
        code="onboard:sign-in:code-refused",
        step="store_claude_credentials",
        ask=SIGN_IN,
        person=partial(refuse_codes, times=5),
    ),
    Case(
        about="unknown-client",
        code="onboard:sign-in:client-refused",
        step="store_claude_credentials",
        ask=SIGN_IN,
        person=case.unknown_client,
    ),
)
