"""The steps of a way back: a Deployment gets the template of one of its earlier ReplicaSets, then is followed."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from apps.agents.roster.deployment import DeployWanted
from apps.agents.roster.kubectl import access, showing, steps
from apps.agents.roster.kubectl.catalog import problem
from apps.agents.roster.kubectl.showing import Difference
from apps.agents.roster.kubectl.words import (
    MANAGER,
    Action,
    Applied,
    ApplyWanted,
    ChangedObject,
    Deployed,
    Planned,
    PlanWanted,
    ReportWanted,
)
from meshsix.durable.outcomes import Skipped
from meshsix.integrations.kubernetes import KINDS, Item, Objects, rollout
from meshsix.integrations.kubernetes.workloads import REVISION
from meshsix.kit import clock
from meshsix.wiring import Clients

DEPLOYMENT, REPLICA_SET = KINDS["Deployment"], KINDS["ReplicaSet"]
_HASH = "pod-template-hash"
"""What the controller adds to each template's labels."""
_ACTIONS = {"rollback": Action.ROLLBACK, "sync": Action.ROLLBACK, "plan": Action.PLAN}
"""`sync` is what stands in the input where nothing is said."""


def plan(wanted: PlanWanted, clients: Clients) -> Planned:
    """Find the template to go back to: that of revision `history_id`, else of the one before the present one.

    Raises Permanent where there is none, or where the plan is not what somebody saw.
    """
    ask = wanted.ask
    name = _service(ask)
    objects = access.cluster(steps.namespace_of(ask), clients).objects
    deployment = objects.get(DEPLOYMENT, name)
    target = _target(deployment, own_sets(objects, deployment), ask.history_id)
    before = deployment.wish
    after = {**before, "spec": {**before["spec"], "template": _template(target)}}
    difference = Difference(kind="Deployment", name=name, before=before, after=after)
    digest = showing.plan_hash([difference])
    if ask.plan_hash and ask.plan_hash != digest:
        raise problem("kubectl:plan-outdated", f"It was {ask.plan_hash[:12]}, now it is {digest[:12]}.")
    return Planned(
        objects=(ChangedObject(kind="Deployment", name=name, change=difference.change),),
        diff=showing.diff([difference]),
        plan_hash=digest,
        read_at=clock.now(),
        replica_set=target.name,
    )


def apply(wanted: ApplyWanted, clients: Clients) -> Applied:
    """Give the Deployment the planned template; one that has it already stays as it is."""
    ask = wanted.ask
    if _action(ask) is Action.PLAN:
        raise Skipped("It is only planned.")
    objects = access.cluster(steps.namespace_of(ask), clients).objects
    template = _template(objects.get(REPLICA_SET, wanted.plan.replica_set))
    deployment = objects.get(DEPLOYMENT, _service(ask))
    if deployment.content["spec"]["template"] != template:
        objects.replace_template(DEPLOYMENT, deployment, template, manager=MANAGER)
    return Applied(objects=wanted.plan.objects, applied_at=clock.now())


def report(wanted: ReportWanted, clients: Clients) -> Deployed:
    """Return the result of the task."""
    return replace(steps.report(wanted, clients), action=_action(wanted.ask))


def own_sets(objects: Objects, deployment: Item) -> list[Item]:
    """Return the ReplicaSets of a Deployment, the newest revision first."""
    found = objects.every(REPLICA_SET, labels=rollout(deployment).labels)
    own = [each for each in found if _is_owned(each, deployment.uid)]
    return sorted(own, key=revision_of, reverse=True)


def revision_of(found: Item) -> int:
    """Return the revision that the controller has noted, 0 where none is."""
    return int((found.content["metadata"].get("annotations") or {}).get(REVISION, 0))


def _is_owned(found: Item, uid: str) -> bool:
    return any(each.get("uid") == uid for each in found.content["metadata"].get("ownerReferences") or ())


def _target(deployment: Item, sets: Sequence[Item], revision: int | None) -> Item:
    """Return the ReplicaSet that is meant. Raises Permanent."""
    present = deployment.content["spec"]["template"]
    if revision:
        fitting = [each for each in sets if revision_of(each) == revision]
    else:
        fitting = [each for each in sets if _template(each) != present]
    if not fitting:
        known = ", ".join(str(revision_of(each)) for each in sets) or "none"
        raise problem("kubectl:no-revision", f"Revisions that are kept: {known}.")
    return fitting[0]


def _template(replica_set: Item) -> dict[str, Any]:
    template: dict[str, Any] = dict(replica_set.content["spec"]["template"])
    metadata = template.get("metadata") or {}
    labels = {name: value for name, value in (metadata.get("labels") or {}).items() if name != _HASH}
    return {**template, "metadata": {**metadata, "labels": labels}}


def _service(ask: DeployWanted) -> str:
    """Return the Deployment that is meant. Raises Permanent before any call."""
    _action(ask)
    access.check_namespace(steps.namespace_of(ask))
    if not (ask.service or ask.application):
        raise problem("kubectl:name-needed")
    return ask.service or ask.application


def _action(ask: DeployWanted) -> Action:
    if ask.action not in _ACTIONS:
        raise problem("kubectl:unknown-action", f"It was {ask.action}.")
    return _ACTIONS[ask.action]
