"""Changes of one workload: scale, restart, delete. Each looks first, so that a second call changes nothing."""

from collections.abc import Callable

from apps.agents.llm.words import ToolUse
from apps.agents.registry.services.jobs import Job
from apps.agents.roster.basis import Basis, Source
from apps.agents.roster.kubectl import access, showing
from apps.agents.roster.kubectl.catalog import problem
from apps.agents.roster.kubectl.progress import ROLLED_OUT
from apps.agents.roster.kubectl.showing import Difference
from apps.agents.roster.kubectl.words import MANAGER, Deed, WorkloadChanged, WorkloadWanted
from meshsix.integrations.errors import Missing
from meshsix.integrations.kubernetes import KINDS, Item, Objects
from meshsix.kit import clock

RESTARTED = "mesh-six/restarted-for"
"""In a template's annotations: the task for which the pods were replaced."""
_MAY: dict[Deed, frozenset[str]] = {
    Deed.SCALE: ROLLED_OUT,
    Deed.RESTART: ROLLED_OUT,
    Deed.DELETE: ROLLED_OUT | {"Job", "CronJob", "Pod"},
}


def change(wanted: WorkloadWanted, job: Job) -> WorkloadChanged:
    """Make the change. Raises Permanent before any call where it may not be made."""
    access.check_namespace(wanted.namespace)
    if wanted.kind not in _MAY[wanted.action] or not access.allowed().may_read(wanted.kind):
        raise problem("kubectl:not-changed-so", f"It was {wanted.action} of {wanted.kind}.")
    if wanted.action is Deed.SCALE and wanted.replicas is None:
        raise problem("kubectl:replicas-needed")
    objects = access.cluster(wanted.namespace, job.clients).objects
    try:
        before = objects.get(KINDS[wanted.kind], wanted.name)
    except Missing:
        if wanted.action is Deed.DELETE and job.attempt > 1:  # an attempt before this one may have deleted it
            return _told(wanted, None, None)
        raise
    return _told(wanted, before, _DEEDS[wanted.action](wanted, before, objects, job))


def _scale(wanted: WorkloadWanted, before: Item, objects: Objects, _job: Job) -> Item:
    if before.content["spec"].get("replicas", 1) == wanted.replicas:
        return before
    return _patched(wanted, {"spec": {"replicas": wanted.replicas}}, objects)


def _restart(wanted: WorkloadWanted, before: Item, objects: Objects, job: Job) -> Item:
    """Mark the template with the task, so that its controller replaces all pods once."""
    mark = str(job.task_id)
    metadata = before.content["spec"]["template"].get("metadata") or {}
    if (metadata.get("annotations") or {}).get(RESTARTED) == mark:
        return before
    return _patched(wanted, {"spec": {"template": {"metadata": {"annotations": {RESTARTED: mark}}}}}, objects)


def _delete(wanted: WorkloadWanted, before: Item, objects: Objects, _job: Job) -> None:
    objects.delete(KINDS[wanted.kind], before, dry_run=wanted.dry_run)


def _patched(wanted: WorkloadWanted, body: dict[str, object], objects: Objects) -> Item:
    return objects.merge(KINDS[wanted.kind], wanted.name, body, manager=MANAGER, dry_run=wanted.dry_run)


_DEEDS: dict[Deed, Callable[[WorkloadWanted, Item, Objects, Job], Item | None]] = {
    Deed.SCALE: _scale,
    Deed.RESTART: _restart,
    Deed.DELETE: _delete,
}


def _told(wanted: WorkloadWanted, before: Item | None, after: Item | None) -> WorkloadChanged:
    was, now = before.wish if before is not None else None, after.wish if after is not None else None
    name, calls = f"{wanted.kind}/{wanted.name}", 1 + (was != now)
    return WorkloadChanged(
        namespace=wanted.namespace,
        action=wanted.action,
        kind=wanted.kind,
        name=wanted.name,
        changed=was != now and not wanted.dry_run,
        diff=showing.diff([Difference(kind=wanted.kind, name=wanted.name, before=was, after=now)]) if was else "",
        basis=Basis(
            tools=(ToolUse(name="kubernetes.change", calls=calls, failed=0),),
            sources=(
                Source(
                    id=f"cluster:{wanted.namespace}:{name}",
                    title=name,
                    url=KINDS[wanted.kind].path(wanted.namespace, wanted.name),
                    fetched_at=clock.now(),
                ),
            ),
        ),
    )
