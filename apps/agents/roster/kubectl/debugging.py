"""debug-pods: code reads pods, events and logs and says what is wrong; a model may word the summary."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict

from apps.agents.llm.errors import CallFailed
from apps.agents.llm.prompts import data
from apps.agents.llm.tools import Tool, ToolFailed, tool
from apps.agents.llm.words import Reply, ToolUse
from apps.agents.memory.context import Parts
from apps.agents.registry.services.jobs import Job
from apps.agents.roster.basis import Source, basis
from apps.agents.roster.kubectl import access, inspection, progress, troubles
from apps.agents.roster.kubectl.words import (
    DebugAsk,
    InspectAsk,
    Inspected,
    Look,
    ObjectSeen,
    PodFinding,
    PodLog,
    PodsDebugged,
    Severity,
)
from meshsix.durable.outcomes import Permanent
from meshsix.integrations.errors import TryLater, VendorError
from meshsix.integrations.kubernetes import Kubernetes, ObjectEvent, Pod
from meshsix.kit import clock, redact

MOST_PODS, MOST_FINDINGS, MOST_LOGS = 100, 100, 3


class Desk:
    """One look into pods, which notes what was read and what could not be."""

    def __init__(self, ask: DebugAsk, cluster: Kubernetes) -> None:
        self.ask, self._cluster = ask, cluster
        self.used: list[ToolUse] = []
        self.sources: list[Source] = []
        self.missing: list[str] = []

    def pods(self) -> tuple[Pod, ...]:
        """Return the pods that are meant. Raises TryLater where they cannot be read."""
        try:
            found = self._cluster.pods(labels=self.ask.labels)
        except VendorError as error:
            raise TryLater(f"Nothing could be read: {error}", vendor="kubernetes", hint=error.hint) from error
        self._note("list", "pods")
        return tuple(each for each in found if not self.ask.name or self._is_meant(each.name))

    def events(self) -> tuple[ObjectEvent, ...]:
        """Return what was written down about what is meant; an event has no labels to choose it by."""
        if self.ask.labels and not self.ask.name:
            return ()
        try:
            found = self._cluster.objects.events()
        except VendorError as error:
            self._failed("events", "events", error)
            return ()
        self._note("events", "events")
        return tuple(each for each in found if not self.ask.name or self._is_meant(each.name))

    def _is_meant(self, name: str) -> bool:
        """Tell whether an object is the one that is asked for, or was made for it."""
        return name == self.ask.name or name.startswith(f"{self.ask.name}-")

    def logs(self, pods: Sequence[Pod], may_go_on: Callable[[], None]) -> tuple[PodLog, ...]:
        """Return the last lines of the first pods that do not work. Raises what `may_go_on` does, before each call."""
        broken = [pod for pod in pods if not pod.ready and not pod.leaving and _container(pod)]
        found = []
        for pod in broken[:MOST_LOGS]:
            may_go_on()
            found.append(self._log(pod))
        return tuple(each for each in found if each is not None)

    def _log(self, pod: Pod) -> PodLog | None:
        container = _container(pod)
        try:
            text = self._cluster.log_tail(
                pod.name, container=container, lines=self.ask.tail, previous=bool(pod.terminations)
            )
        except VendorError as error:
            self._failed("logs", f"log of {pod.name}/{container}", error)
            return None
        self._note("logs", f"log of {pod.name}/{container}")
        return PodLog(pod=pod.name, container=container, text=redact.text(text))

    def _note(self, name: str, what: str) -> None:
        self.used.append(ToolUse(name=f"kubernetes.{name}", calls=1, failed=0))
        place = f"cluster:{self.ask.namespace}:{what}"
        title = f"{what} in the namespace {self.ask.namespace}"
        self.sources.append(Source(id=place, title=title, url=what, fetched_at=clock.now()))

    def _failed(self, name: str, what: str, error: VendorError) -> None:
        self.used.append(ToolUse(name=f"kubernetes.{name}", calls=1, failed=1))
        self.missing.append(f"kubernetes: {what}: {redact.text(str(error))}")


def debug(ask: DebugAsk, job: Job) -> PodsDebugged:
    """Look into pods. Raises Permanent before any call where one may not look there, TryLater where nothing is read."""
    access.check_namespace(ask.namespace)
    access.check_reader(ask.namespace, job, labels="" if ask.name else ask.labels)
    desk = Desk(ask, access.cluster(ask.namespace, job.clients))
    pods = desk.pods()
    findings = tuple(each for pod in pods for each in troubles.of_pod(pod))
    findings += () if pods else troubles.of_events(desk.events())
    logs = desk.logs(pods, job.checkpoint)
    plain, findings = _plainly(ask, pods, findings), troubles.worst(findings, MOST_FINDINGS)
    reply = _worded(desk, job, plain, findings, logs)
    whole = basis(
        models=reply.models if reply else (),
        tools=(*desk.used, *(reply.tools if reply else ())),
        sources=tuple(desk.sources),
        missing=tuple(desk.missing),
    )
    states = [ObjectSeen(kind="Pod", name=each.name, created_at=None, state=progress.state(each)) for each in pods]
    return PodsDebugged(
        namespace=ask.namespace,
        summary=redact.text(reply.value) if reply else plain,
        findings=findings,
        logs=logs,
        resource_status=tuple(states[:MOST_PODS]),
        basis=whole,
    )


def _container(pod: Pod) -> str:
    """Return the container whose words may tell most; empty where none has run or waits."""
    known = [each.container for each in pod.terminations] + [each.container for each in pod.waiting]
    return next(iter(known), "")


def _plainly(ask: DebugAsk, pods: Sequence[Pod], findings: Sequence[PodFinding]) -> str:
    bad = sum(each.severity is Severity.CRITICAL for each in findings)
    ready = sum(each.ready for each in pods)
    where = f"{ask.name} in {ask.namespace}" if ask.name else ask.namespace
    told = f"{where}: {ready} of {len(pods)} pods are ready; {len(findings)} findings, {bad} of them critical."
    return f"{told} {findings[0].resource}: {findings[0].message}" if findings else told


def _worded(
    desk: Desk, job: Job, plain: str, findings: Sequence[PodFinding], logs: Sequence[PodLog]
) -> Reply[str] | None:
    """Return a model's summary of what was found; None where nothing is wrong, or no model answers."""
    if not findings:
        return None
    facts = json.dumps({"findings": [asdict(each) for each in findings], "logs": [asdict(each) for each in logs]})
    prompt = job.llm.prompt("debug")
    try:
        context = job.context(Parts(system=prompt.render(), payload=plain, state=data("cluster", facts)))
        return job.llm.answer(
            prompt, context.messages, offered=_tools(desk.ask, job), purpose="debug", may_go_on=job.checkpoint
        )
    except (VendorError, CallFailed, Permanent) as error:
        desk.missing.append(f"litellm: {redact.text(str(error))}")
        return None


def _tools(ask: DebugAsk, job: Job) -> tuple[Tool, ...]:
    """Return the tools of a model: they read in this namespace and nowhere else."""

    def look(action: Look, **more: object) -> Inspected:
        wanted = InspectAsk(namespace=ask.namespace, action=action, **more)  # type: ignore[arg-type] # its own fields
        try:
            return inspection.inspect(wanted, job)
        except Permanent as error:
            raise ToolFailed(error.detail or error.hint) from error

    def pod_status(name: str) -> str:
        """Tell how one pod fares, with its manifest."""
        seen = look(Look.DESCRIBE, kind="Pod", name=name)
        return data("pod_status", f"{seen.summary}\n{seen.manifest}")

    def pod_events(name: str) -> str:
        """Tell what the cluster wrote down about one pod."""
        seen = look(Look.EVENTS, kind="Pod", name=name)
        return data("pod_events", json.dumps([asdict(each) for each in seen.events], default=str))

    def pod_logs(name: str, *, previous: bool = False) -> str:
        """Tell the last lines of a pod's first container, of its run before the present one with previous."""
        return data("pod_logs", look(Look.LOGS, name=name, tail=ask.tail, previous=previous).log)

    def rollout_history(deployment: str) -> str:
        """Tell which templates a Deployment has or had, with their images."""
        seen = look(Look.ROLLOUT_HISTORY, name=deployment)
        return data("rollout_history", json.dumps([asdict(each) for each in seen.history], default=str))

    return (tool(pod_status), tool(pod_events), tool(pod_logs), tool(rollout_history))
