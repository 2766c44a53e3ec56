"""What the architect may look at: the cluster, Prometheus, the repository at a commit, and what was decided before.

All of them read. A `Toolbox` notes what was read (`sources`) and what could not be (`missing`); a tool whose vendor is
not configured is not offered, and is missing from the beginning.
"""

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime

from django.conf import settings

from apps.agents.llm.prompts import data
from apps.agents.llm.tools import Tool, ToolFailed, tool
from apps.agents.memory.services import Memories
from apps.agents.memory.words import Recalled
from apps.agents.roster.architect import log, queries
from apps.agents.roster.basis import Source
from apps.projects import queries as projects
from meshsix.integrations.errors import Refused, VendorError
from meshsix.integrations.kubernetes import Kubernetes, Pod
from meshsix.integrations.prometheus import Prometheus, Sample
from meshsix.kit import clock, names, redact, tokens
from meshsix.wiring import Clients

MOST_PODS = 60
MOST_EVENTS = 30
MOST_DECISIONS = 8
MOST_FILE_TOKENS = 2500
_POD_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_UP = "up"
_CPU = 'sum by (pod) (rate(container_cpu_usage_seconds_total{{namespace="{namespace}",container!=""}}[5m]))'
_MEMORY = 'sum by (pod) (container_memory_working_set_bytes{{namespace="{namespace}",container!=""}})'


class Toolbox:
    """The tools for one task. `project` is `owner/name` or empty."""

    def __init__(self, clients: Clients, memory: Memories, *, project: str) -> None:
        self._clients, self._memory, self._project = clients, memory, project
        self._sources: dict[str, Source] = {}
        self._missing: dict[str, str] = {}
        self._heard: list[str] = []
        self._head: tuple[names.RepositoryName, str] | None = None
        self._recalled: dict[str, bool] = {}
        """Ids of what `past_decisions` found, and whether an answer may rest on it."""
        self.decisions: set[str] = set()
        """Ids of log entries and memories that the model has seen by a tool and that no model made up."""

    @property
    def sources(self) -> tuple[Source, ...]:
        """Return what was read, in the order of its first reading."""
        return tuple(self._sources.values())

    @property
    def missing(self) -> tuple[str, ...]:
        """Return what could not be read, as `tool: why`; a tool that worked in the end is not missing."""
        return tuple(f"{name}: {why}" for name, why in self._missing.items())

    @property
    def citable(self) -> set[str]:
        """Return the ids of what a tool has shown and an answer may rest on: files, log entries, memories."""
        return {each for each in self._sources if each.startswith("file:")} | self.decisions

    @property
    def own_words(self) -> frozenset[str]:
        """Return the tool that told only what agents said before, if it did."""
        return frozenset() if self.decisions else frozenset({"past_decisions"})

    @property
    def facts(self) -> str:
        """Return all that the tools said, as data for another call of a model."""
        return "\n\n".join(self._heard)

    def offered(self) -> tuple[Tool, ...]:
        """Return the tools whose vendors are there; the others are noted as missing."""
        found = [replace(tool(self.past_decisions), heard=self._hear_decisions)]
        if self._has("cluster", "kubernetes", ("cluster_state", "pod_events")):
            found += [tool(self.cluster_state), tool(self.pod_events)]
        if self._has("prometheus", "prometheus", ("service_health", "resource_usage")):
            found += [tool(self.service_health), tool(self.resource_usage)]
        if self._project:
            found.append(tool(self.read_repository))
        return tuple(found)

    def _has(self, client: str, vendor: str, wanted: Sequence[str]) -> bool:
        try:
            why = "" if getattr(self._clients, client) is not None else f"{vendor} is not configured"
        except Refused as refused:
            why = f"{vendor} is not usable: {refused}"
        if why:
            self._missing |= dict.fromkeys(wanted, why)
        return not why

    def cluster_state(self) -> str:
        """Tell which pods run in the cluster: images, phase, readiness, restarts, and why one waits."""
        return self._read("cluster_state", self._cluster_state)

    def pod_events(self, pod: str = "") -> str:
        """Tell what the cluster wrote down about one pod, or without a name about all of them, the newest first."""
        if pod and not _POD_NAME.fullmatch(pod):
            raise ToolFailed("That is no pod's name; cluster_state lists them.")
        return self._read("pod_events", lambda: self._pod_events(pod))

    def service_health(self, service: str = "") -> str:
        """Tell which services are up by Prometheus, of one service (its job) or of all."""
        return self._read("service_health", lambda: self._service_health(service))

    def resource_usage(self) -> str:
        """Tell CPU (cores, mean of five minutes) and memory (bytes) of each pod by Prometheus."""
        return self._read("resource_usage", self._resource_usage)

    def past_decisions(self, query: str) -> str:
        """Tell what was decided before and is remembered about a subject, each with its id."""
        return self._read("past_decisions", lambda: self._past_decisions(query))

    def read_repository(self, path: str = "") -> str:
        """Read a text file of the project's repository, or list a folder; an empty path lists the top folder."""
        return self._read("read_repository", lambda: self._read_repository(path))

    def _read(self, name: str, read: Callable[[], object]) -> str:
        """Return what was read as marked data without secrets; note what could not be, and let the model hear why."""
        try:
            found = read()
        except VendorError as error:
            self._missing[name] = f"{error.vendor or 'the vendor'} could not be read: {redact.text(str(error))}"
            raise
        self._missing.pop(name, None)
        text = found if isinstance(found, str) else json.dumps(found, ensure_ascii=False, default=_plain)
        told = data(name, redact.text(text))
        self._heard.append(told)
        return told

    def _note(self, source_id: str, title: str, url: str) -> None:
        self._sources[source_id] = Source(id=source_id, title=title, url=url, fetched_at=clock.now())

    @property
    def _cluster(self) -> Kubernetes:
        if self._clients.cluster is None:
            raise ToolFailed("No cluster is configured.")
        return self._clients.cluster

    @property
    def _prometheus(self) -> Prometheus:
        if self._clients.prometheus is None:
            raise ToolFailed("No Prometheus is configured.")
        return self._clients.prometheus

    def _cluster_state(self) -> object:
        found, namespace = self._cluster.pods(), self._cluster.namespace
        self._note(f"cluster:{namespace}", f"Pods of the namespace {namespace}", f"pods in {namespace}")
        shown = [_pod_as_json(each) for each in found[:MOST_PODS]]
        return {"namespace": namespace, "pods": shown, "pods_not_shown": len(found) - len(shown)}

    def _pod_events(self, pod: str) -> object:
        found, namespace = self._cluster.pod_events(pod), self._cluster.namespace
        where = f"events of {pod or 'all pods'} in {namespace}"
        self._note(f"cluster:{namespace}:events", f"Events of the namespace {namespace}", where)
        shown = [asdict(each) for each in found[:MOST_EVENTS]]
        return {"namespace": namespace, "events": shown, "events_not_shown": len(found) - len(shown)}

    def _service_health(self, service: str) -> object:
        found = [each for each in self._prometheus.query(_UP) if service in {"", each.labels.get("job")}]
        self._note("prometheus:up", "What Prometheus can reach", _UP)
        return [{"service": each.labels.get("job", ""), **_instance(each), "up": each.value == 1} for each in found]

    def _resource_usage(self) -> object:
        namespace, prometheus = settings.KUBERNETES_NAMESPACE, self._prometheus
        cpu, memory = (prometheus.query(each.format(namespace=namespace)) for each in (_CPU, _MEMORY))
        self._note("prometheus:cpu", f"CPU in {namespace}", _CPU.format(namespace=namespace))
        self._note("prometheus:memory", f"Memory in {namespace}", _MEMORY.format(namespace=namespace))
        pods: dict[str, dict[str, float]] = {}
        for word, samples in (("cpu_cores", cpu), ("memory_bytes", memory)):
            for each in samples:
                if math.isfinite(each.value):
                    pods.setdefault(each.labels.get("pod", ""), {})[word] = round(each.value, 4)
        return {"namespace": namespace, "pods": pods}

    def _past_decisions(self, query: str) -> object:
        remembered = self._memory.recall(query)
        logged = list(queries.decisions(self._project, most=MOST_DECISIONS)) if self._project else []
        self._recalled |= {source_id(each): not each.is_own_word for each in remembered}
        self._recalled |= {log.source_id(each): log.bears(each) for each in logged}
        told = [f"[{source_id(each)}] {each.content}" for each in remembered]
        return "\n".join([*told, log.shown(logged)]).strip() or "Nothing is remembered about that."

    def _hear_decisions(self, told: str) -> None:
        """Note which decisions the model was really given; of a text that was cut, the last one is not whole."""
        found = sorted((told.find(f"\n[{each}] "), each) for each in self._recalled)
        given = [each for place, each in found if place >= 0]
        whole = given[:-1] if told.endswith(tokens.CUT) else given
        self.decisions |= {each for each in whole if self._recalled[each]}

    def _read_repository(self, path: str) -> object:
        if path.startswith("/") or "\\" in path or ".." in path.split("/"):
            raise ToolFailed("Write a path from the top folder, such as `src/app.py`.")
        contents = self._clients.github.contents
        repository, commit = self._commit()
        found = contents.file(repository, path, ref=commit) if path else None
        entries = contents.folder(repository, path, ref=commit) if found is None else ()
        if found is None and not entries:
            raise ToolFailed(f"There is no {path or 'file'} at the commit {commit[:12]}.")
        kind = "blob" if found else "tree"
        address = f"{settings.GITHUB_WEB_URL}/{repository.full_name}/{kind}/{commit}/{path}".rstrip("/")
        self._note(f"file:{path or '.'}@{commit[:12]}", path or repository.full_name, address)
        if found is None:
            return [f"{each.path}{'/' if each.type == 'dir' else ''}" for each in entries]
        return f"[file:{path}@{commit[:12]}]\n{_text(found.content)}"

    def _commit(self) -> tuple[names.RepositoryName, str]:
        """Return the repository and the head of its default branch when it was first asked for.

        All readings are of one commit.
        """
        if self._head is None:
            github, repository = self._clients.github, names.parse_repository(self._project)
            project = projects.by_name(repository)
            branch = project.default_branch if project else github.repository(repository).default_branch
            self._head = repository, github.branch(repository, branch).sha
        return self._head


def source_id(memory: Recalled) -> str:
    """Return the id by which a model names a memory that it was shown."""
    return f"memory:{memory.id}"


def _pod_as_json(pod: Pod) -> Mapping[str, object]:
    facts: dict[str, object] = {"name": pod.name, "images": pod.images, "phase": pod.phase, "ready": pod.ready}
    facts |= {"restarts": pod.restarts} if pod.restarts else {}
    facts |= {"waits": [f"{each.reason}: {each.message}" for each in pod.waiting]} if pod.waiting else {}
    return facts | ({"unschedulable": pod.unschedulable} if pod.unschedulable else {})


def _instance(sample: Sample) -> Mapping[str, str]:
    instance = sample.labels.get("instance", "")
    return {"instance": instance} if instance else {}


def _text(content: bytes) -> str:
    try:
        return tokens.cut(content.decode("utf-8"), MOST_FILE_TOKENS)
    except UnicodeDecodeError as error:
        raise ToolFailed("The file is no text.") from error


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
