"""The steps of a deployment: plan by a dry run, apply, follow the rollout, report. All of them may run again."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from apps.agents.llm.words import ToolUse
from apps.agents.roster.basis import Basis, Source
from apps.agents.roster.deployment import DeployWanted
from apps.agents.roster.kubectl import access, progress, rules, showing
from apps.agents.roster.kubectl.catalog import problem
from apps.agents.roster.kubectl.rules import Manifest
from apps.agents.roster.kubectl.showing import Difference
from apps.agents.roster.kubectl.words import (
    MANAGER,
    Action,
    Applied,
    ApplyWanted,
    Change,
    ChangedObject,
    Deployed,
    Followed,
    FollowWanted,
    Planned,
    PlanWanted,
    ReportWanted,
    RolledOut,
)
from meshsix.durable.outcomes import Permanent, Skipped
from meshsix.integrations.errors import Conflict, Missing, TryLater
from meshsix.integrations.kubernetes import KINDS, Item, Kubernetes, Objects, Rollout, rollout
from meshsix.kit import clock, redact
from meshsix.wiring import Clients

LOOK_EVERY = timedelta(seconds=2)
BEFORE_THE_END = timedelta(seconds=10)
"""How long before the task's deadline a rollout is given up, so that the reasons of its pods are the task's error."""
_MOST_REFUSALS = 10
_UNKNOWN_FIELDS = "failed to create typed patch object"
_APPLY_CONFLICT = "Apply failed with"


def plan(wanted: PlanWanted, clients: Clients) -> Planned:
    """Say what applying would change. Raises Permanent where it may not be applied, or is not what was planned."""
    ask = wanted.ask
    manifests = checked(ask)
    objects = access.cluster(namespace_of(ask), clients).objects
    differences = [_difference(objects, each) for each in manifests]
    digest = showing.plan_hash(differences)
    if ask.plan_hash and ask.plan_hash != digest:
        raise problem("kubectl:plan-outdated", f"It was {ask.plan_hash[:12]}, now it is {digest[:12]}.")
    changes = tuple(ChangedObject(kind=each.kind, name=each.name, change=each.change) for each in differences)
    return Planned(objects=changes, diff=showing.diff(differences), plan_hash=digest, read_at=clock.now())


def apply(wanted: ApplyWanted, clients: Clients) -> Applied:
    """Apply all of it. What is as it should be stays as it is, so that a second call changes nothing."""
    ask = wanted.ask
    if _action(ask) is Action.PLAN:
        raise Skipped("It is only planned.")
    manifests = checked(ask)
    objects = access.cluster(namespace_of(ask), clients).objects
    for manifest in manifests:
        _applied(objects, manifest)
    return Applied(objects=wanted.plan.objects, applied_at=clock.now())


def follow(wanted: FollowWanted, clients: Clients) -> Followed:
    """Wait until all workloads are rolled out; holds no worker meanwhile.

    Raises TryLater, which counts no attempt, while it goes on, and Permanent with the reasons of the pods where it does
    not, or where the task's time is nearly over.
    """
    if wanted.apply is None or not wanted.ask.wait:
        raise Skipped("Nothing was applied." if wanted.apply is None else "The task does not want to wait.")
    cluster = access.cluster(namespace_of(wanted.ask), clients)
    changed = [each for each in wanted.apply.objects if each.kind in progress.ROLLED_OUT]
    found = [rollout(cluster.objects.get(KINDS[each.kind], each.name)) for each in changed]
    open_ones = [each for each in found if not each.done]
    if open_ones:
        raise _not_yet(cluster, open_ones, wanted.begin.deadline_at)
    return Followed(rollouts=tuple(_rolled_out(each) for each in found))


def report(wanted: ReportWanted, clients: Clients) -> Deployed:  # noqa: ARG001 - a step takes its clients
    """Return the result of the task."""
    plan, ask = wanted.plan, wanted.ask
    objects = plan.objects
    applied = wanted.apply is not None
    return Deployed(
        service=ask.service or ask.application,
        namespace=namespace_of(ask),
        action=Action.SYNC if applied else Action.PLAN,
        changed=applied and any(each.change is not Change.UNCHANGED for each in objects),
        objects=objects,
        diff=plan.diff,
        plan_hash=plan.plan_hash,
        rollouts=wanted.follow.rollouts if wanted.follow is not None else (),
        followed=wanted.follow is not None,
        duration_ms=round((clock.now() - plan.read_at) / timedelta(milliseconds=1)),
        basis=_basis(ask, plan, applied=applied),
    )


def namespace_of(ask: DeployWanted) -> str:
    """Return the namespace that is meant, empty where none is."""
    return ask.namespace or (ask.destination.namespace if ask.destination is not None else "")


def checked(ask: DeployWanted) -> list[Manifest]:
    """Return the manifests in the order in which they are applied. Raises Permanent before any call."""
    _action(ask)
    if not ask.manifests:
        raise problem("kubectl:nothing-to-apply")
    namespace = namespace_of(ask)
    access.check_namespace(namespace)
    refused = rules.refusals(ask.manifests, namespace=namespace, allowed=access.allowed())
    told = [str(each) for each in refused[:_MOST_REFUSALS]]
    if ask.destination is not None and ask.destination.server:
        told.append("destination/server: only the platform's own cluster is reached from here")
    if told:
        raise problem("kubectl:not-allowed", redact.text("; ".join(told)))
    return rules.in_order(ask.manifests)


def _action(ask: DeployWanted) -> Action:
    if ask.action not in {Action.SYNC, Action.PLAN}:
        raise problem("kubectl:unknown-action", f"It was {ask.action}.")
    return Action(ask.action)


def _difference(objects: Objects, manifest: Manifest) -> Difference:
    kind, name = str(manifest["kind"]), str(manifest["metadata"]["name"])
    try:
        before = objects.get(KINDS[kind], name).wish
    except Missing:
        before = None
    return Difference(kind=kind, name=name, before=before, after=_applied(objects, manifest, dry_run=True).wish)


def _applied(objects: Objects, manifest: Manifest, *, dry_run: bool = False, force: bool = False) -> Item:
    """Apply one manifest. Raises Permanent where trying again is in vain.

    What we have set ourselves in another way, by going back to an earlier template, is taken over.
    """
    try:
        return objects.apply(KINDS[manifest["kind"]], manifest, manager=MANAGER, dry_run=dry_run, force=force)
    except Conflict as error:
        if not str(error).startswith(_APPLY_CONFLICT):
            raise
        if not force and rules.conflicts_with_one(str(error), MANAGER):
            return _applied(objects, manifest, dry_run=dry_run, force=True)
        raise problem("kubectl:conflict", redact.text(str(error))) from error
    except TryLater as error:
        if _UNKNOWN_FIELDS in str(error):  # the API server answers 500 to a field that does not exist
            raise problem("kubectl:rejected-fields", redact.text(str(error))) from error
        raise


def _not_yet(cluster: Kubernetes, open_ones: Sequence[Rollout], deadline: datetime) -> TryLater | Permanent:
    """Return the wait that people see, or the end where it does not go on or time is nearly over."""
    seen = " ".join(progress.told(each) for each in open_ones)
    stuck = [each for each in open_ones if each.stuck and each.observed]
    late = clock.now() >= deadline - BEFORE_THE_END
    if not stuck and not late:
        return TryLater(seen, pause=LOOK_EVERY, counts=False, vendor="kubernetes")
    why = [reason for each in stuck or open_ones for reason in reasons_of(cluster, each)]
    return problem("kubectl:rollout-stuck" if stuck else "kubectl:rollout-late", f"{seen} {'; '.join(why)}".strip())


def reasons_of(cluster: Kubernetes, fares: Rollout) -> tuple[str, ...]:
    """Return why the pods of a workload are not ready."""
    pods = cluster.pods(labels=fares.labels)
    if pods:
        return progress.reasons(pods)
    events = cluster.objects.events()
    return progress.reasons(pods, [each for each in events if _belongs(each.kind, each.name, fares)])


def _belongs(kind: str, name: str, fares: Rollout) -> bool:
    """Tell whether an object is the workload itself or one of its ReplicaSets, which are named after it."""
    return (kind, name) == (fares.kind, fares.name) or (kind == "ReplicaSet" and name.startswith(f"{fares.name}-"))


def _rolled_out(fares: Rollout) -> RolledOut:
    return RolledOut(kind=fares.kind, name=fares.name, revision=fares.revision, pods=fares.ready)


def _basis(ask: DeployWanted, plan: Planned, *, applied: bool) -> Basis:
    namespace, calls = namespace_of(ask), len(plan.objects)
    tools = [ToolUse(name="kubernetes.dry-run", calls=calls, failed=0)]
    if applied:
        tools.append(ToolUse(name="kubernetes.apply", calls=calls, failed=0))
    return Basis(
        tools=tuple(tools),
        sources=tuple(
            Source(
                id=f"cluster:{namespace}:{each.kind}/{each.name}",
                title=f"{each.kind} {each.name}",
                url=KINDS[each.kind].path(namespace, each.name),
                fetched_at=plan.read_at,
            )
            for each in plan.objects
        ),
    )
