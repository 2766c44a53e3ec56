"""Looking at a namespace: objects, logs, events and rollouts, with what could not be read. Needs no model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from apps.agents.llm.words import ToolUse
from apps.agents.registry.services.jobs import Job
from apps.agents.roster.basis import Source, basis
from apps.agents.roster.kubectl import access, progress, rollback, showing
from apps.agents.roster.kubectl.catalog import problem
from apps.agents.roster.kubectl.steps import reasons_of
from apps.agents.roster.kubectl.words import (
    EventSeen,
    InspectAsk,
    Inspected,
    Look,
    ObjectSeen,
    RevisionSeen,
    RolloutSeen,
)
from meshsix.integrations.errors import TryLater, VendorError
from meshsix.integrations.kubernetes import KINDS, Item, Kubernetes, ObjectEvent, messages, rollout
from meshsix.kit import clock, redact

MOST_OBJECTS, MOST_EVENTS, MOST_REVISIONS = 100, 50, 20
_OVERVIEW = ("Deployment", "StatefulSet", "Pod", "Service")


@dataclass(kw_only=True)
class Sight:
    """One look at a namespace, which notes what was read and what could not be."""

    ask: InspectAsk
    cluster: Kubernetes
    used: list[ToolUse] = field(default_factory=list)
    sources: dict[str, Source] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)

    def note(self, tool: str, what: str) -> None:
        """Note that something was read."""
        self.used.append(ToolUse(name=f"kubernetes.{tool}", calls=1, failed=0))
        source_id = f"cluster:{self.ask.namespace}:{what}"
        title = f"{what} in the namespace {self.ask.namespace}"
        self.sources[source_id] = Source(id=source_id, title=title, url=what, fetched_at=clock.now())

    def failed(self, tool: str, what: str, error: VendorError) -> None:
        """Note that something could not be read."""
        self.used.append(ToolUse(name=f"kubernetes.{tool}", calls=1, failed=1))
        self.missing.append(f"kubernetes: {what}: {redact.text(str(error))}")

    def events(self, kind: str, name: str) -> tuple[ObjectEvent, ...]:
        """Return the events about an object or, without a name, all."""
        found = self.cluster.objects.events(kind=kind, name=name)
        self.note("events", f"events of {kind}/{name}" if name else "events")
        return found

    def object(self, kind: str, name: str) -> Item:
        """Return one object. Raises Missing."""
        found = self.cluster.objects.get(KINDS[kind], name)
        self.note("get", f"{kind}/{name}")
        return found

    def every(self, kind: str) -> tuple[Item, ...]:
        """Return the objects of a kind."""
        found = self.cluster.objects.every(KINDS[kind], labels=self.ask.labels)
        self.note("list", kind)
        return found

    def seen(
        self,
        summary: str,
        *,
        objects: Sequence[ObjectSeen] = (),
        manifest: str = "",
        log: str = "",
        events: Sequence[ObjectEvent] = (),
        rollouts: Sequence[RolloutSeen] = (),
        history: Sequence[RevisionSeen] = (),
    ) -> Inspected:
        """Return what was seen, cut to its bounds."""
        left_out = max(0, len(objects) - MOST_OBJECTS) + max(0, len(events) - MOST_EVENTS)
        return Inspected(
            namespace=self.ask.namespace,
            action=self.ask.action,
            summary=summary,
            objects=tuple(objects[:MOST_OBJECTS]),
            manifest=manifest,
            log=log,
            events=tuple(_event(each) for each in events[:MOST_EVENTS]),
            rollouts=tuple(rollouts),
            history=tuple(history),
            not_shown=left_out,
            basis=basis(models=(), tools=self.used, sources=tuple(self.sources.values()), missing=tuple(self.missing)),
        )


def inspect(ask: InspectAsk, job: Job) -> Inspected:
    """Look. Raises Permanent before any call where one may not look there, TryLater where nothing can be read."""
    access.check_namespace(ask.namespace)
    if ask.kind and not access.allowed().may_read(ask.kind):
        raise problem("kubectl:kind-not-allowed", f"It was {ask.kind}.")
    access.check_reader(ask.namespace, job, name=ask.name)
    return LOOKS[ask.action](Sight(ask=ask, cluster=access.cluster(ask.namespace, job.clients)))


def _get(sight: Sight) -> Inspected:
    ask = sight.ask
    if ask.kind and ask.name:
        found: tuple[Item, ...] = (sight.object(ask.kind, ask.name),)
    elif ask.kind:
        found = sight.every(ask.kind)
    else:
        found = _overview(sight)
    objects = [_object(each) for each in found]
    counted = ", ".join(
        f"{sum(each.kind == kind for each in objects)} {kind}" for kind in dict.fromkeys(each.kind for each in objects)
    )
    return sight.seen(f"In {ask.namespace}: {counted or 'nothing of that kind'}.", objects=objects)


def _overview(sight: Sight) -> tuple[Item, ...]:
    """Return the usual kinds; one that cannot be read is missing, and where none can, that is the error."""
    kinds = [each for each in _OVERVIEW if access.allowed().may_read(each)]
    found: list[Item] = []
    for kind in kinds:
        try:
            found += [each for each in sight.every(kind) if sight.ask.name in {"", each.name}]
        except VendorError as error:
            sight.failed("list", kind, error)
            if len(sight.missing) == len(kinds):
                raise TryLater(f"Nothing could be read: {error}", vendor="kubernetes", hint=error.hint) from error
    return tuple(found)


def _describe(sight: Sight) -> Inspected:
    kind, name = _one(sight.ask)
    found = sight.object(kind, name)
    events = sight.events(kind, name)
    seen = _object(found)
    summary = f"{kind} {name}" + (f": {seen.state}." if seen.state else ".")
    return sight.seen(summary, objects=[seen], manifest=showing.manifest(found.content), events=events)


def _logs(sight: Sight) -> Inspected:
    ask = sight.ask
    if not ask.name:
        raise problem("kubectl:name-needed")
    container = ask.container or _first_container(sight.object("Pod", ask.name))
    text = sight.cluster.log_tail(ask.name, container=container, lines=ask.tail, previous=ask.previous)
    sight.note("logs", f"log of {ask.name}/{container}")
    lines = redact.text(text)
    return sight.seen(f"The last {len(lines.splitlines())} lines of {container} in {ask.name}.", log=lines)


def _first_container(pod: Item) -> str:
    return str(pod.content["spec"]["containers"][0]["name"])


def _events(sight: Sight) -> Inspected:
    found = sight.events(sight.ask.kind, sight.ask.name)
    warnings = sum(each.type == "Warning" for each in found)
    return sight.seen(f"{len(found)} events in {sight.ask.namespace}, {warnings} of them warnings.", events=found)


def _status(sight: Sight) -> Inspected:
    ask = sight.ask
    if ask.kind and ask.kind not in progress.ROLLED_OUT:
        raise problem("kubectl:no-rollout", f"It was {ask.kind}.")
    kinds = [ask.kind] if ask.kind else sorted(progress.ROLLED_OUT)
    if ask.name and ask.kind:
        found = [sight.object(ask.kind, ask.name)]
    else:
        found = [each for kind in kinds for each in sight.every(kind) if ask.name in {"", each.name}]
    rollouts = [_rollout(sight.cluster, each) for each in found]
    return sight.seen(" ".join(each.told for each in rollouts) or "There is nothing to roll out.", rollouts=rollouts)


def _rollout(cluster: Kubernetes, found: Item) -> RolloutSeen:
    fares = rollout(found)
    return RolloutSeen(
        kind=fares.kind,
        name=fares.name,
        revision=fares.revision,
        done=fares.done,
        told=progress.told(fares),
        reasons=() if fares.done else reasons_of(cluster, fares),
    )


def _history(sight: Sight) -> Inspected:
    kind, name = sight.ask.kind or "Deployment", sight.ask.name
    if kind != "Deployment":
        raise problem("kubectl:no-rollout", f"It was {kind}.")
    if not name:
        raise problem("kubectl:name-needed")
    deployment = sight.object(kind, name)
    history = [_revision(each) for each in rollback.own_sets(sight.cluster.objects, deployment)]
    sight.note("list", f"ReplicaSets of {name}")
    return sight.seen(f"Deployment {name} has {len(history)} revisions.", history=history[:MOST_REVISIONS])


def _revision(found: Item) -> RevisionSeen:
    content = found.content
    return RevisionSeen(
        revision=str(rollback.revision_of(found)),
        name=found.name,
        images=tuple(str(each.get("image", "")) for each in content["spec"]["template"]["spec"]["containers"]),
        pods=(content.get("status") or {}).get("replicas", 0),
        created_at=found.created_at,
    )


def _one(ask: InspectAsk) -> tuple[str, str]:
    """Return kind and name of the one object that is asked for; a pod where no kind is named."""
    if not ask.name:
        raise problem("kubectl:name-needed")
    return ask.kind or "Pod", ask.name


def _object(found: Item) -> ObjectSeen:
    return ObjectSeen(kind=found.kind, name=found.name, created_at=found.created_at, state=_state(found))


def _state(found: Item) -> str:
    if found.kind == "Pod":
        return progress.state(messages.pod(found.content))
    if found.kind in progress.ROLLED_OUT:
        fares = rollout(found)
        return f"{fares.ready} of {fares.wanted} pods ready" + ("" if fares.done else ", rolling out")
    return ""


def _event(each: ObjectEvent) -> EventSeen:
    return EventSeen(
        about=f"{each.kind}/{each.name}",
        type=each.type,
        reason=each.reason,
        message=redact.text(each.message),
        count=each.count,
        last_seen=each.last_seen,
    )


LOOKS: dict[Look, Callable[[Sight], Inspected]] = {
    Look.GET: _get,
    Look.DESCRIBE: _describe,
    Look.LOGS: _logs,
    Look.EVENTS: _events,
    Look.ROLLOUT_STATUS: _status,
    Look.ROLLOUT_HISTORY: _history,
}
