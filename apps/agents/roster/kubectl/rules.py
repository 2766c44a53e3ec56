"""What may be looked at and applied, decided before any call. Pure: no settings, no I/O.

Beside the lists of the deployment some things are never applied, as in the baseline of the pod security standards:
https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from meshsix.integrations.kubernetes import KINDS

ORDER = (
    "ConfigMap",
    "PersistentVolumeClaim",
    "Service",
    "Ingress",
    "PodDisruptionBudget",
    "Deployment",
    "StatefulSet",
    "Job",
    "CronJob",
    "HorizontalPodAutoscaler",
)
"""All kinds that can be applied at all, in the order in which they are: what others refer to comes first."""
READ_TOO = frozenset({"Pod", "ReplicaSet"})
_TEMPLATES: dict[str, tuple[str, ...]] = {
    "Deployment": ("spec", "template", "spec"),
    "StatefulSet": ("spec", "template", "spec"),
    "Job": ("spec", "template", "spec"),
    "CronJob": ("spec", "jobTemplate", "spec", "template", "spec"),
}
_OF_THE_HOST = ("hostNetwork", "hostPID", "hostIPC")
_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")
_HARMLESS_CAPABILITIES = frozenset(
    {
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    }
)
_CONFLICT_WITH = re.compile(r'conflicts? with "([^"]+)"')
_SURELY_WHOLE = 400
"""A longer message of the API server may be cut, and then does not name everybody."""
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
Manifest = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Allowed:
    """Where kubectl-deployer may work, and what kinds of object it may apply there."""

    namespaces: Collection[str]
    kinds: Collection[str]

    def may_read(self, kind: str) -> bool:
        """Return whether objects of this kind may be looked at."""
        return kind in READ_TOO or (kind in self.kinds and kind in ORDER)


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """One thing that is not applied; `where` is a JSON pointer into the manifests."""

    where: str
    why: str

    def __str__(self) -> str:
        return f"{self.where}: {self.why}"


def refusals(manifests: Sequence[Manifest], *, namespace: str, allowed: Allowed) -> tuple[Refusal, ...]:
    """Return all that keeps these manifests from being applied; nothing where they may be."""
    found: list[Refusal] = []
    seen: set[tuple[object, object]] = set()
    for index, manifest in enumerate(manifests):
        where = f"/{index}"
        found += _identity(manifest, where, namespace, allowed)
        found += _pods(manifest, where)
        key = (manifest.get("kind"), _at(manifest, "metadata", "name"))
        if _plain(key) in seen:
            found.append(Refusal(where=where, why=f"{key[0]} {key[1]} stands here a second time"))
        seen.add(_plain(key))
    return tuple(found)


def _plain(key: tuple[object, object]) -> tuple[str, str]:
    return str(key[0]), str(key[1])


def in_order(manifests: Sequence[Manifest]) -> list[Manifest]:
    """Return manifests that were not refused so that what others refer to comes first."""
    return sorted(manifests, key=lambda each: ORDER.index(each["kind"]))


def conflicts_with_one(message: str, manager: str) -> bool:
    """Return whether an apply failed by fields of this manager and surely of nobody else."""
    return len(message) < _SURELY_WHOLE and set(_CONFLICT_WITH.findall(message)) == {manager}


def _identity(manifest: Manifest, where: str, namespace: str, allowed: Allowed) -> Iterator[Refusal]:
    kind, metadata = manifest.get("kind"), manifest.get("metadata")
    if not isinstance(kind, str) or kind not in ORDER:
        yield Refusal(where=f"{where}/kind", why=f"objects of kind {str(kind)[:60]} are never applied")
    elif kind not in allowed.kinds:
        yield Refusal(where=f"{where}/kind", why=f"{kind} is not one of KUBE_KINDS")
    elif manifest.get("apiVersion") != KINDS[kind].api_version:
        yield Refusal(where=f"{where}/apiVersion", why=f"{kind} is applied as {KINDS[kind].api_version}")
    if not isinstance(metadata, Mapping):
        yield Refusal(where=f"{where}/metadata", why="must be an object with a name")
        return
    name = metadata.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        yield Refusal(where=f"{where}/metadata/name", why="must be a name of Kubernetes")
    if metadata.get("namespace", namespace) != namespace:
        yield Refusal(where=f"{where}/metadata/namespace", why=f"is not {namespace}")


def _pods(manifest: Manifest, where: str) -> Iterator[Refusal]:
    path = _TEMPLATES.get(str(manifest.get("kind")))
    if path is None:
        return
    pod, place = _at(manifest, *path), f"{where}/{'/'.join(path)}"
    if pod is None:
        return
    if not isinstance(pod, Mapping):
        yield Refusal(where=place, why="must be an object")
        return
    for name in _OF_THE_HOST:
        if _is_set(pod.get(name)):
            yield Refusal(where=f"{place}/{name}", why="pods do not share what belongs to the host")
    yield from _windows(pod, place)
    for number, volume in _each(pod, "volumes"):
        if not isinstance(volume, Mapping) or _is_set(volume.get("hostPath")):
            yield Refusal(where=f"{place}/volumes/{number}", why="hostPath is never mounted")
    for group in _CONTAINERS:
        for number, container in _each(pod, group):
            yield from _container(container, f"{place}/{group}/{number}")


def _container(container: object, where: str) -> Iterator[Refusal]:
    if not isinstance(container, Mapping):
        yield Refusal(where=where, why="must be an object")
        return
    if _is_set(_at(container, "securityContext", "privileged")):
        yield Refusal(where=f"{where}/securityContext/privileged", why="containers are never privileged")
    if _at(container, "securityContext", "procMount") not in (None, "Default"):
        yield Refusal(where=f"{where}/securityContext/procMount", why="only the default is used")
    yield from _windows(container, where)
    added = _at(container, "securityContext", "capabilities", "add")
    for name in added if isinstance(added, list | tuple) else () if added is None else (added,):
        if str(name) not in _HARMLESS_CAPABILITIES:
            told = f"the capability {str(name)[:60]} is never added"
            yield Refusal(where=f"{where}/securityContext/capabilities/add", why=told)
    for number, port in _each(container, "ports"):
        if not isinstance(port, Mapping) or _is_set(port.get("hostPort")):
            yield Refusal(where=f"{where}/ports/{number}", why="ports of the host are not taken")


def _windows(content: Manifest, where: str) -> Iterator[Refusal]:
    if _is_set(_at(content, "securityContext", "windowsOptions", "hostProcess")):
        yield Refusal(where=f"{where}/securityContext/windowsOptions", why="processes of the host are never started")


def _is_set(value: object) -> bool:
    """Return whether something other than no is said: what is malformed counts as yes."""
    return value is not None and value is not False and value != 0


def _each(content: Manifest, name: str) -> Iterator[tuple[int, object]]:
    """Yield what stands in a list; what is no list is yielded as a whole, so that it is looked at and refused."""
    found = content.get(name)
    if isinstance(found, list | tuple):
        yield from enumerate(found)
    elif found is not None:
        yield 0, None


def _at(content: object, *path: str) -> object:
    for name in path:
        if not isinstance(content, Mapping):
            return content
        content = content.get(name)
    return content
