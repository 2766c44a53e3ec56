"""What keeps an environment from being ready, told from the facts of its pod. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from meshsix.integrations.kubernetes import Pod, Waiting

_CODES = {
    "ImagePullBackOff": "onboard:pod:image-pull",
    "ErrImagePull": "onboard:pod:image-pull",
    "InvalidImageName": "onboard:pod:image-pull",
    "ImageInspectError": "onboard:pod:image-pull",
    "CrashLoopBackOff": "onboard:pod:crash-loop",
    "RunContainerError": "onboard:pod:crash-loop",
    "CreateContainerConfigError": "onboard:pod:bad-config",
    "CreateContainerError": "onboard:pod:bad-config",
}
_NORMAL = {"PodInitializing", "ContainerCreating"}
_RESTARTS_OF_A_LOOP = 2
"""Between two ends of a crash loop the container runs for a moment: its restarts tell of the loop all the same."""
LONGEST_BACKOFF = timedelta(minutes=5)
"""After this at most the cluster starts a container again that keeps ending:
https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#container-restarts
"""


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """Why a pod is not ready: the code of the failure that it would be, a sentence, and the container to ask for logs.

    `container` is empty where no container has written anything yet.
    """

    code: str
    seen: str
    container: str = ""


def no_pod(name: str) -> Diagnosis:
    """Return the diagnosis where the cluster has no pod of this name."""
    return Diagnosis(code="onboard:pod:missing", seen=f"The cluster has no pod {name} yet.")


def chance_from(pod: Pod, since: datetime) -> datetime:
    """Return from when on the pod's time to get ready counts, for somebody who waits for it since `since`.

    Ends from before `since` say nothing about what was mended then: the time counts from the container's next start,
    or from when that must have come at the latest.
    """
    ends = [each.finished_at for each in pod.terminations if each.finished_at is not None]
    if not ends or max(ends) >= since:
        return since
    return max(since, pod.running_since or max(ends) + LONGEST_BACKOFF)


def diagnose(pod: Pod) -> Diagnosis:
    """Return why this pod is not ready to be used; for a ready one, that its runner has not said hello."""
    if pod.unschedulable is not None:
        return Diagnosis(code="onboard:pod:unschedulable", seen=f"Unschedulable: {pod.unschedulable}")
    for waiting in pod.waiting:
        if waiting.reason in _CODES:
            return Diagnosis(
                code=_CODES[waiting.reason], seen=f"{_waits(waiting)}{_ended(pod)}", container=waiting.container
            )
    if not pod.ready:
        waits = "; ".join(_waits(each) for each in pod.waiting if each.reason not in _NORMAL)
        seen = f"Pod {pod.name} is {pod.phase or 'new'}, not ready yet.{' ' if waits else ''}{waits}{_ended(pod)}"
        loops = pod.terminations and pod.restarts >= _RESTARTS_OF_A_LOOP
        code = "onboard:pod:crash-loop" if loops else "onboard:pod:not-ready"
        return Diagnosis(code=code, seen=seen, container=_talking(pod))
    seen = f"Pod {pod.name} is ready, but its runner has not said hello yet."
    return Diagnosis(code="onboard:pod:no-hello", seen=seen, container=_talking(pod))


def _waits(waiting: Waiting) -> str:
    message = f": {waiting.message}" if waiting.message else ""
    return f"Container {waiting.container} waits, {waiting.reason}{message}"


def _ended(pod: Pod) -> str:
    """Return how the containers ended the last time, as a sentence that starts with a space, or nothing."""
    ends = [
        f"{each.container} with code {each.exit_code} ({each.reason or 'no reason'}){_why(each.message)}"
        for each in pod.terminations
    ]
    return f" Last ended: {'; '.join(ends)}; {pod.restarts} restarts." if ends else ""


def _why(message: str) -> str:
    return f": {message.strip()}" if message.strip() else ""


def _talking(pod: Pod) -> str:
    """Return the container whose log is worth reading: the one that runs, else the one that ended last, else none."""
    spoken = [*(each.container for each in pod.terminations), *pod.running]
    return spoken[-1] if spoken else ""
