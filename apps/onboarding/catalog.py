"""What went wrong, in words for people: one table by code.

Steps raise `problem(code, detail)`; all doors show the same words.
"""

from dataclasses import dataclass

from meshsix.durable.outcomes import Permanent


@dataclass(frozen=True, kw_only=True)
class Problem:
    """`means` says what happened and what it means; `hint` the exact fix."""

    means: str
    hint: str


PROBLEMS: dict[str, Problem] = {
    "onboard:request:already-running": Problem(
        means="An onboarding of this repository is under way.",
        hint="Follow that one, or cancel it first.",
    ),
    "onboard:request:not_cancellable": Problem(
        means="The onboarding is over already.", hint="Nothing needs to be cancelled; start a new one if you like."
    ),
    "onboard:request:not_resumable": Problem(
        means="Only an onboarding that failed can be resumed.",
        hint="Wait for it, or start a new one: it adopts all that exists.",
    ),
    "onboard:request:not_rerunnable": Problem(
        means="The step cannot be done again now.", hint="Resume, or start a new onboarding: it adopts all that exists."
    ),
    "onboard:request:no_such_step": Problem(
        means="The onboarding has no step of that name.", hint="Use one of the names that its page shows."
    ),
    "onboard:request:no_sign_in_open": Problem(
        means="The onboarding does not wait for a sign-in now.",
        hint="Look at its page: it may wait for something else, or be over.",
    ),
    "onboard:request:no_choice_open": Problem(
        means="The onboarding does not wait for a choice now.", hint="Look at its page for what it waits for."
    ),
    "onboard:sign-in:bad-code": Problem(
        means="The code cannot be right.", hint="Open the address again, allow, and copy the whole code you are shown."
    ),
    "onboard:sign-in:declined": Problem(
        means="A person declined to sign in.",
        hint="Resume when somebody is willing to sign in, or start again with skip_auth.",
    ),
    "onboard:sign-in:expired": Problem(
        means="Nobody signed in before the deadline.", hint="Resume: a new sign-in with a new address begins."
    ),
    "onboard:sign-in:replaced": Problem(
        means="Another run started a sign-in for the same project, which ended this one.",
        hint="Complete that one, then resume.",
    ),
    "onboard:sign-in:not-configured": Problem(
        means="This way of signing in is not configured on this platform.",
        hint="Set CLAUDE_OAUTH_CLIENT_ID, CLAUDE_OAUTH_AUTHORIZE_URL and CLAUDE_OAUTH_TOKEN_URL (and "
        "CLAUDE_OAUTH_DEVICE_URL for devices), or start again with auth_method setup_token or api_key.",
    ),
    "onboard:sign-in:code-refused": Problem(
        means="The provider refused every code or token that was handed in.",
        hint="Check that you sign in at the right account, then resume: a new sign-in begins.",
    ),
    "onboard:sign-in:client-refused": Problem(
        means="The provider does not know this platform as a client.",
        hint="Correct CLAUDE_OAUTH_CLIENT_ID, then resume: a new sign-in begins.",
    ),
    "onboard:sign-in:invalid-grant": Problem(
        means="The code was wrong, too old or used before.", hint="Open the new address and paste the code it shows."
    ),
    "onboard:sign-in:foreign-state": Problem(
        means="The code belonged to another sign-in.", hint="Open the new address and paste the code it shows."
    ),
    "onboard:sign-in:expired-token": Problem(
        means="The code was not typed in time.", hint="Open the address and type the new code."
    ),
    "onboard:sign-in:lost": Problem(
        means="What was handed in was lost on the way.", hint="Open the new address and paste the code it shows."
    ),
    "onboard:sign-in:credential-refused": Problem(
        means="The provider does not accept that token or key.", hint="Make a new one and paste all of it."
    ),
    "onboard:vault:foreign-secret": Problem(
        means="The path of the webhook secret in Vault holds something else.",
        hint="Look at that path in Vault, move what is there away, then resume.",
    ),
    "onboard:user:no-admin-rights": Problem(
        means="We may read the repository but not administer it, and every later step writes to it.",
        hint="Ask an owner to give the token's user the admin role on the repository, then resume.",
    ),
    "onboard:registry:name-taken": Problem(
        means="Another repository already uses the environment name that this one would get.",
        hint="Offboard the other repository or rename one of the two, then resume.",
    ),
    "onboard:repository:missing": Problem(
        means="The repository does not exist, or our credential may not see it: GitHub answers the same for both.",
        hint="Check the spelling; give the token's user (or the GitHub App's installation) access, then resume.",
    ),
    "onboard:repository:renamed": Problem(
        means="The repository has another name now, and GitHub only leads on from the old one.",
        hint="Cancel this onboarding and start one of the repository under the name that it has now.",
    ),
    "onboard:repository:archived": Problem(
        means="The repository is archived, so nothing can be written to it.",
        hint="Unarchive it (repository settings, Danger Zone), then resume.",
    ),
    "onboard:repository:disabled": Problem(
        means="GitHub has disabled the repository.",
        hint="Ask GitHub's support to enable it, then resume.",
    ),
    "onboard:branch:missing": Problem(
        means="The branch to work from does not exist.",
        hint="Push it (an empty repository needs a first commit) or name another default_branch, then start anew.",
    ),
    "onboard:token:scopes-missing": Problem(
        means="The classic token lacks scopes that later steps need.",
        hint="Add the scopes named here to the token (repo, project; for an organization admin:org_hook), then resume.",
    ),
    "onboard:token:user-boards-need-classic": Problem(
        means="Boards of a user can be reached with a classic token only, by GitHub's rules.",
        hint="Set GITHUB_TOKEN to a classic token with the scopes repo and project, restart, then resume.",
    ),
    "onboard:app:not-installed": Problem(
        means="The GitHub App has no installation for the repository's owner.",
        hint="Install the app for the owner with access to this repository, then resume.",
    ),
    "onboard:app:permissions-missing": Problem(
        means="The GitHub App's installation lacks permissions that later steps need.",
        hint="Add the permissions named here in the app's settings, let the owner accept them, then resume.",
    ),
    "onboard:board:not-writable": Problem(
        means="We may read the repository's board but not change it.",
        hint="Give the token's user (or the app) write access in the board's settings, then resume.",
    ),
    "onboard:board:no-choice": Problem(
        means="Several boards could be the repository's, and nobody chose one.",
        hint="Start again with adopt_board set to the number of the board, or unlink those that are not meant.",
    ),
    "onboard:board:not-linked": Problem(
        means="The chosen board is closed or not linked to the repository.",
        hint="Link it (repository, Projects, Link a project) or choose another number, then start anew.",
    ),
    "onboard:board:field-type": Problem(
        means="A field that we need exists with another type, and GitHub cannot change a field's type.",
        hint="Rename or delete that field on the board, then resume.",
    ),
    "onboard:board:options-would-be-lost": Problem(
        means="The server replaces all options of a field at once, and cards on the board would lose their values.",
        hint="Add the missing options by hand in the board's settings (names as in the documentation), then resume.",
    ),
    "onboard:hook:limit": Problem(
        means="GitHub allows 20 webhooks an event, and they are used up.",
        hint="Delete a webhook that is not needed any more in the settings, then resume.",
    ),
    "onboard:hook:no-right": Problem(
        means="We may not manage the webhooks there.",
        hint="For an organization use a token of one of its owners with admin:org_hook; else an admin's, then resume.",
    ),
    "onboard:hook:no-ping": Problem(
        means="GitHub made the webhook, but its ping did not arrive at our endpoint with a good signature.",
        hint="Check that GitHub reaches this platform at PUBLIC_URL, or at WEBHOOK_URL if that is set, then resume.",
    ),
    "onboard:devcontainer:unreadable": Problem(
        means="The repository's devcontainer.json cannot be read, so it cannot be changed safely.",
        hint="Correct the file (an object of JSON with comments), then resume.",
    ),
    "onboard:devcontainer:protected-no-pull-requests": Problem(
        means="The default branch is protected and pull requests are turned off: there is no way to bring a file in.",
        hint="Turn pull requests on (repository settings, Features) or let us push to the branch, then resume.",
    ),
    "onboard:manifests:invalid": Problem(
        means="A manifest of the environment would not be taken by Kubernetes.",
        hint=("Check the resource limits that were asked for; if they are right, report the message as a fault."),
    ),
    "onboard:manifests:claim-size": Problem(
        means="Kubernetes does not change the size of a stateful set's volumes.",
        hint=(
            "Ask for the old size, or: park the project, delete the StatefulSet with --cascade=orphan, enlarge "
            "the claims by hand where the storage class allows it, remove statefulset.yaml from the environment's"
            " folder, then resume."
        ),
    ),
    "onboard:platform:not-configured": Problem(
        means="It is not set which repository the cluster follows, so there is no place for manifests.",
        hint=("Set MESH_SIX_REPO to OWNER/REPO of the platform repository, or onboard in mode shared or local."),
    ),
    "onboard:platform:missing": Problem(
        means="The platform repository or its branch does not exist, or the token may not see it.",
        hint=("Create it or correct MESH_SIX_REPO and MESH_SIX_REPO_BRANCH, give the token write access, then resume."),
    ),
    "onboard:platform:no-kustomization": Problem(
        means="The platform repository has no base kustomization that environments could be added to.",
        hint=(
            "Copy deploy/k8s/base of Mesh Six to MESH_SIX_K8S_ROOT of the platform repository, or repair the "
            "file, then resume."
        ),
    ),
    "onboard:sync:failed": Problem(
        means="Argo CD could not bring the commit to the cluster.",
        hint="Read Argo CD's message, correct what it names, then resume.",
    ),
    "onboard:sync:deadline": Problem(
        means="Argo CD has not brought the commit to the cluster in time.",
        hint=(
            "Look at the application in Argo CD; when it is free and healthy, resume. SYNC_WAIT_SECONDS sets the time."
        ),
    ),
    "onboard:pod:no-cluster": Problem(
        means="No cluster is configured, so the environment's pod cannot be watched.",
        hint=("Set KUBECONFIG, KUBERNETES_API_URL or KUBERNETES_IN_CLUSTER, or onboard in mode shared or local."),
    ),
    "onboard:pod:missing": Problem(
        means="The cluster has not made the environment's pod.",
        hint=(
            "Check that the cluster follows the platform repository and look at the StatefulSet's events (a quota"
            " or a policy may refuse the pod), then resume."
        ),
    ),
    "onboard:pod:image-pull": Problem(
        means="The cluster cannot fetch an image of the environment.",
        hint=(
            "Check the image's name and digest in the overlay and the cluster's access to the registry, then resume."
        ),
    ),
    "onboard:pod:crash-loop": Problem(
        means="A container of the environment ends again and again.",
        hint=(
            "Read its last lines, correct what they name (most often the devcontainer), then resume: the container's "
            "next start decides, for which the cluster may take up to 5 minutes."
        ),
    ),
    "onboard:pod:bad-config": Problem(
        means="A container of the environment refers to something that does not exist.",
        hint=(
            "Make what the message names; ConfigMap mesh-six-environment belongs to deploy/k8s/base/envs-common. "
            "Then resume."
        ),
    ),
    "onboard:pod:unschedulable": Problem(
        means="No node of the cluster takes the environment's pod.",
        hint="Ask for less memory or cpu, add a node, or check the storage class, then resume.",
    ),
    "onboard:pod:not-ready": Problem(
        means="The environment did not get ready in time.",
        hint=(
            "A first build may take longer than onboarding waits: look at the last lines, and resume when it is built."
        ),
    ),
    "onboard:pod:no-hello": Problem(
        means="The environment is ready, but its runner has not reached us.",
        hint=(
            "Check MESH_SIX_URL in ConfigMap mesh-six-environment, the way from the pod to it, and that web may "
            "create tokenreviews; then resume."
        ),
    ),
    "onboard:pod:no-shared-host": Problem(
        means="No shared host has said hello lately, so nobody would do this project's work.",
        hint=(
            "Start the StatefulSet runner (or mesh-six-runner with a token of scope runner for the environment "
            "shared), then resume."
        ),
    ),
    "onboard:local:folder": Problem(
        means="The folder for work on this machine cannot be written.",
        hint="Make WORK_ROOT writable for the worker's user and free some space, then resume.",
    ),
    "onboard:local:git": Problem(
        means="Git does not work on this machine.",
        hint="Install git 2.30 or newer for the worker's user, then resume.",
    ),
}


def problem(code: str, detail: str = "") -> Permanent:
    """Return the permanent failure `code`, worded by the table; `detail` is what was seen."""
    return Permanent(code, hint=PROBLEMS[code].hint, detail=detail or PROBLEMS[code].means)
