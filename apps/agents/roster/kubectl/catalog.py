"""What can go wrong with a deployment by kubectl-deployer, in words for people: one table by code."""

from meshsix.durable.outcomes import Permanent
from meshsix.web.catalog import Words

PROBLEMS: dict[str, Words] = {
    "kubectl:nothing-to-apply": Words(
        means="There is nothing to apply: the task brings no manifests.",
        hint="Send the objects in `manifests` and their `namespace`, or let argocd-deployer deploy what lies in Git.",
    ),
    "kubectl:unknown-action": Words(
        means="kubectl-deployer does not know this action.",
        hint="Use `sync` to apply and follow, or `plan` to see what would change; inspect-cluster looks.",
    ),
    "kubectl:namespace-not-allowed": Words(
        means="kubectl-deployer may not work in this namespace.",
        hint="Name one of KUBE_NAMESPACES, or let an admin add this one.",
    ),
    "kubectl:others-environments": Words(
        means="In this namespace live environments of projects that this task may not look at.",
        hint="With a project, look at its own environment: inspect-cluster by `name` (`ENVIRONMENT`, `ENVIRONMENT-0`), "
        "debug-pods by `labels` (`app.kubernetes.io/name=ENVIRONMENT`). Without one, ask as who may see all of them.",
    ),
    "kubectl:kind-not-allowed": Words(
        means="kubectl-deployer may not look at objects of this kind.",
        hint="Use one of KUBE_KINDS, Pod or ReplicaSet. Secrets, rights and what is not in a namespace stay closed.",
    ),
    "kubectl:not-allowed": Words(
        means="The manifests hold what kubectl-deployer never applies.",
        hint="Take out what is named, or have it applied by somebody who administers the cluster.",
    ),
    "kubectl:plan-outdated": Words(
        means="The cluster or the manifests are not any more what the plan was made of.",
        hint="Plan again, look at the new diff, then deploy with its plan_hash.",
    ),
    "kubectl:conflict": Words(
        means="Somebody else manages fields that the manifests want to change.",
        hint="Leave these fields out of the manifests, or have their manager let go of them.",
    ),
    "kubectl:rejected-fields": Words(
        means="The manifests have fields that the cluster does not know.",
        hint="Correct the fields that are named.",
    ),
    "kubectl:rollout-stuck": Words(
        means="The rollout does not go on.",
        hint="Mend what the pods say and deploy again. What was applied stays; the pods before it still serve.",
    ),
    "kubectl:rollout-late": Words(
        means="The rollout did not end in time.",
        hint="Mend what the pods say and deploy again, or give the task more time. What was applied stays.",
    ),
    "kubectl:name-needed": Words(
        means="This way of looking needs the name of one object.", hint="Name it, with its kind unless it is a pod."
    ),
    "kubectl:no-rollout": Words(
        means="Objects of this kind are not rolled out step by step.",
        hint="Ask for a Deployment or a StatefulSet; a history is kept for Deployments alone.",
    ),
    "kubectl:no-revision": Words(
        means="There is no earlier template to go back to.",
        hint="Name one of the revisions that are kept in `history_id`, or deploy the manifests that you want.",
    ),
    "kubectl:not-changed-so": Words(
        means="Objects of this kind are not changed in this way.",
        hint="Scale or restart a Deployment or StatefulSet; delete these, a Job, a CronJob or a Pod, of KUBE_KINDS.",
    ),
    "kubectl:replicas-needed": Words(
        means="To scale needs a number.", hint="Say in `replicas` how many pods there shall be."
    ),
    "kubectl:no-cluster": Words(
        means="No cluster is configured.", hint="Set KUBERNETES_API_URL or KUBECONFIG, or KUBERNETES_IN_CLUSTER."
    ),
}


def problem(code: str, detail: str = "") -> Permanent:
    """Return the end that this problem means; `detail` says what was seen."""
    words = PROBLEMS[code]
    return Permanent(code, hint=words.hint, detail=f"{words.means} {detail}".strip())
