"""What a pod's status says in each situation. Pure: the kubelet tells what is the case, this words it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

Object = dict[str, Any]


class Fault(StrEnum):
    """What can be made to go wrong with a pod."""

    NONE = "none"
    IMAGE = "ImagePullBackOff"
    CRASH = "CrashLoopBackOff"
    CONFIG = "CreateContainerConfigError"
    UNSCHEDULABLE = "Unschedulable"
    SLOW = "slow"


@dataclass(frozen=True, kw_only=True)
class Termination:
    """How a container's last process ended."""

    exit_code: int
    started: str
    finished: str


@dataclass(frozen=True, kw_only=True)
class Situation:
    """Where a pod is."""

    scheduled: bool = True
    refusal: str = ""
    waiting: str = "ContainerCreating"
    message: str = ""
    started: str = ""
    ready: bool = False
    restarts: int = 0
    last: Termination | None = None

    def because(self, reason: str, message: str) -> "Situation":
        """Return the situation in which the container waits for this reason."""
        return replace(self, waiting=reason, message=message, started="", ready=False)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _condition(kind: str, before: Object, *, good: bool, reason: str = "", message: str = "") -> Object:
    value = "True" if good else "False"
    old: Object = next((each for each in before.get("conditions", ()) if each["type"] == kind), {})
    since = old["lastTransitionTime"] if old.get("status") == value else _now()
    condition = {"type": kind, "status": value, "lastProbeTime": None, "lastTransitionTime": since}
    if reason:
        condition["reason"] = reason
    if message:
        condition["message"] = message
    return condition


def _conditions(situation: Situation, before: Object, names: list[str]) -> list[Object]:
    if not situation.scheduled:
        return [_condition("PodScheduled", before, good=False, reason="Unschedulable", message=situation.refusal)]
    told = {} if situation.ready else {
        "reason": "ContainersNotReady", "message": f"containers with unready status: [{' '.join(names)}]",
    }  # fmt: skip
    return [
        _condition("PodReadyToStartContainers", before, good=True),
        _condition("Initialized", before, good=True),
        _condition("Ready", before, good=situation.ready, **told),
        _condition("ContainersReady", before, good=situation.ready, **told),
        _condition("PodScheduled", before, good=True),
    ]


def _state(situation: Situation) -> Object:
    if situation.started:
        return {"running": {"startedAt": situation.started}}
    waiting = {"reason": situation.waiting}
    if situation.message:
        waiting["message"] = situation.message
    return {"waiting": waiting}


def _terminated(end: Termination) -> Object:
    return {
        "terminated": {
            "exitCode": end.exit_code,
            "reason": "Completed" if end.exit_code == 0 else "Error",
            "startedAt": end.started,
            "finishedAt": end.finished,
        }
    }


def _container(container: Mapping[str, Any], situation: Situation) -> Object:
    return {
        "name": container["name"],
        "image": container["image"],
        "imageID": "",
        "ready": situation.ready,
        "started": bool(situation.started),
        "restartCount": situation.restarts,
        "state": _state(situation),
        "lastState": _terminated(situation.last) if situation.last else {},
    }


def _initialised(container: Mapping[str, Any]) -> Object:
    done = Termination(exit_code=0, started=_now(), finished=_now())
    return {
        "name": container["name"],
        "image": container["image"],
        "imageID": "",
        "ready": True,
        "started": False,
        "restartCount": 0,
        "state": _terminated(done),
        "lastState": {},
    }


def status(pod: Mapping[str, Any], situation: Situation) -> Object:
    """Return the status of a pod in this situation; times of unchanged conditions stay."""
    before, spec = pod.get("status") or {}, pod["spec"]
    names = [each["name"] for each in spec["containers"]]
    phase = "Running" if situation.started or situation.restarts else "Pending"
    found: Object = {
        "phase": phase,
        "conditions": _conditions(situation, before, names),
        "qosClass": before.get("qosClass", "Burstable"),
    }
    if not situation.scheduled:
        return found
    found |= {"hostIP": "127.0.0.1", "hostIPs": [{"ip": "127.0.0.1"}], "startTime": before.get("startTime", _now())}
    if phase == "Running":
        found |= {"podIP": "127.0.0.1", "podIPs": [{"ip": "127.0.0.1"}]}
    found["containerStatuses"] = [_container(each, situation) for each in spec["containers"]]
    if spec.get("initContainers"):
        old = before.get("initContainerStatuses")
        found["initContainerStatuses"] = old or [_initialised(each) for each in spec["initContainers"]]
    return found
