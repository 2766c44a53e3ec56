"""How a rollout fares, in words, and why its pods are not ready. Pure."""

from collections.abc import Iterator, Sequence

from meshsix.integrations.kubernetes import ObjectEvent, Pod, Rollout
from meshsix.kit import redact

ROLLED_OUT = frozenset({"Deployment", "StatefulSet"})
_MOST_REASONS = 8


def told(rollout: Rollout) -> str:
    """Return how far a rollout is."""
    name = f"{rollout.kind} {rollout.name}"
    if rollout.done:
        return f"{name} is rolled out: {rollout.ready} of {rollout.wanted} pods are ready."
    if not rollout.observed:
        return f"{name}: its controller has not seen the change yet."
    if rollout.stuck:
        return f"{name} does not go on: {redact.text(rollout.stuck)}"
    old = rollout.pods - rollout.updated
    behind = f", {old} of the template before are still there" if old > 0 else ""
    return f"{name}: {rollout.updated} of {rollout.wanted} pods are new, {rollout.ready} are ready{behind}."


def reasons(pods: Sequence[Pod], events: Sequence[ObjectEvent] = ()) -> tuple[str, ...]:
    """Return why pods are not ready, and what the cluster warned of where there are none, without secrets."""
    found = [reason for pod in pods if not pod.ready and not pod.leaving for reason in _of_pod(pod)]
    if not pods:
        warnings = [each for each in events if each.type == "Warning"]
        found += [f"{each.kind} {each.name}: {each.reason}: {each.message}" for each in warnings]
    return tuple(redact.text(each) for each in dict.fromkeys(found))[:_MOST_REASONS]


def state(pod: Pod) -> str:
    """Return how a pod fares in a few words."""
    if pod.ready:
        return f"{pod.phase}, ready" + (f", {pod.restarts} restarts" if pod.restarts else "")
    return redact.text("; ".join(_causes(pod)) or pod.phase)


def _of_pod(pod: Pod) -> Iterator[str]:
    causes = list(_causes(pod))
    for cause in causes or [f"{pod.phase or 'Pending'}, not ready"]:
        yield f"Pod {pod.name}: {cause}"


def _causes(pod: Pod) -> Iterator[str]:
    if pod.unschedulable is not None:
        yield f"Unschedulable: {pod.unschedulable}"
    for waiting in pod.waiting:
        yield f"{waiting.reason}: {waiting.message}".rstrip(": ")
    for end in pod.terminations:
        yield f"{end.container} ended with exit code {end.exit_code} ({end.reason})" + (
            f": {end.message}" if end.message else ""
        )
