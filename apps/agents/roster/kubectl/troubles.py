"""What is wrong with a pod, from what the cluster says of it, and what usually helps. Pure."""

from collections.abc import Iterator, Sequence

from apps.agents.roster.kubectl.words import Category, PodFinding, Severity
from meshsix.integrations.kubernetes import ObjectEvent, Pod
from meshsix.kit import redact

_MANY_RESTARTS = 3
_BY_REASON = {
    "ErrImagePull": Category.IMAGE,
    "ImagePullBackOff": Category.IMAGE,
    "InvalidImageName": Category.IMAGE,
    "CrashLoopBackOff": Category.CRASH,
    "Error": Category.CRASH,
    "OOMKilled": Category.MEMORY,
    "CreateContainerConfigError": Category.CONFIGURATION,
    "CreateContainerError": Category.CONFIGURATION,
    "RunContainerError": Category.CONFIGURATION,
    "ContainerCreating": Category.STARTING,
    "PodInitializing": Category.STARTING,
}
HELPS: dict[Category, str] = {
    Category.IMAGE: "Check the image's name and tag, and that the cluster may pull from its registry.",
    Category.CRASH: "Read the log of the run before; the program ends by itself.",
    Category.MEMORY: "Raise the memory limit, or let the program use less.",
    Category.SCHEDULING: "Ask for less, free a node, or correct selectors, taints and claims.",
    Category.CONFIGURATION: "Make the ConfigMap, Secret or volume that is named, or correct its name.",
    Category.STARTING: "Wait a little; look again if it stays so.",
    Category.RESTARTS: "Read the log of the run before: it works now, but has ended again and again.",
    Category.OTHER: "Look at the object's events.",
}


def of_pod(pod: Pod) -> tuple[PodFinding, ...]:
    """Return what is wrong with a pod, each trouble once; nothing of one that is leaving."""
    return tuple(dict.fromkeys(_of_pod(pod))) if not pod.leaving else ()


def of_events(events: Sequence[ObjectEvent]) -> tuple[PodFinding, ...]:
    """Return what the cluster warned of, for pods that could not even be made."""
    warned = [each for each in events if each.type == "Warning"]
    return tuple(
        dict.fromkeys(
            _finding(Category.OTHER, f"{each.kind}/{each.name}", f"{each.reason}: {each.message}") for each in warned
        )
    )


def worst(findings: Sequence[PodFinding], most: int) -> tuple[PodFinding, ...]:
    """Return so many findings, those first that keep a pod from working."""
    return tuple(sorted(findings, key=lambda each: each.severity is not Severity.CRITICAL)[:most])


def _of_pod(pod: Pod) -> Iterator[PodFinding]:
    name = f"Pod/{pod.name}"
    if pod.unschedulable is not None:
        yield _finding(Category.SCHEDULING, name, pod.unschedulable)
    for waiting in pod.waiting:
        category = _BY_REASON.get(waiting.reason, Category.OTHER)
        yield _finding(category, name, f"{waiting.container}: {waiting.reason}: {waiting.message}".rstrip(": "))
    for end in pod.terminations:
        if end.exit_code:
            category = _BY_REASON.get(end.reason, Category.CRASH)
            told = f"{end.container} ended with exit code {end.exit_code} ({end.reason}): {end.message}".rstrip(": ")
            yield _finding(category, name, told, works=pod.ready)
    if pod.restarts >= _MANY_RESTARTS:
        yield _finding(Category.RESTARTS, name, f"It was started again {pod.restarts} times.")


def _finding(category: Category, resource: str, message: str, *, works: bool = False) -> PodFinding:
    mild = works or category in {Category.STARTING, Category.RESTARTS, Category.OTHER}
    return PodFinding(
        severity=Severity.WARNING if mild else Severity.CRITICAL,
        category=category,
        resource=resource,
        message=redact.text(message),
        recommendation=HELPS[category],
    )
