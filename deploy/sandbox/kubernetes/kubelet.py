"""The node: it starts one real process for each pod, watches it, restarts it, and writes the pod's status.

The process is the stand-in runner with the environment of the pod's first container and a projected token. It dies with
the sandbox; at the next start it is started again and counts as restarted.
"""

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from deploy.sandbox import runner
from deploy.sandbox.kubernetes.access import Access
from deploy.sandbox.kubernetes.environment import ConfigMissingError, variables
from deploy.sandbox.kubernetes.kinds import BY_NAME
from deploy.sandbox.kubernetes.objects import Object, Objects, now_text
from deploy.sandbox.kubernetes.podstatus import Fault, Situation, Termination, status
from deploy.sandbox.records import Records

POD, EVENT = BY_NAME["Pod"], BY_NAME["Event"]
FAULT_ANNOTATION = "sandbox.mesh-six/fault"
LOOK_SECONDS, CALM_SECONDS = 0.05, 0.5
FIRST_BACKOFF, LONGEST_BACKOFF = 1.0, 300.0
TOKEN_SECONDS = 3600
GRACE_SECONDS = 2.0
IMAGE_MESSAGE = 'Back-off pulling image "{image}": ErrImagePull: manifest unknown'
UNSCHEDULABLE_MESSAGE = (
    "0/1 nodes are available: 1 Insufficient memory. preemption: 0/1 nodes are available: "
    "1 No preemption victims found for incoming pod."
)


@dataclass(frozen=True, kw_only=True)
class RunnerConfig:
    """What every pod's process gets besides its own environment."""

    url: str
    audience: str
    env: Mapping[str, str]


@dataclass(kw_only=True)
class Running:
    """One pod on this node."""

    situation: Situation
    since: float
    process: asyncio.subprocess.Process | None = None
    crashes: bool = False
    ended: bool = False
    again_at: float = 0.0
    failures: int = 0
    renew_at: float = 0.0
    told: set[str] = field(default_factory=set)


class Kubelet:
    """Brings processes in line with pods."""

    def __init__(
        self, objects: Objects, access: Access, records: Records, *, directory: Path, config: RunnerConfig
    ) -> None:
        self._objects, self._access, self._records = objects, access, records
        self._directory = directory
        self._config = config
        self._pods: dict[str, Running] = {}

    def set_fault(self, pod_name: str, fault: Fault, seconds: float) -> None:
        """Make something go wrong with the pod of this name, now or when it comes; `none` ends it."""
        if fault is Fault.NONE:
            self._records.delete("pod-fault", pod_name)
        else:
            self._records.put("pod-fault", pod_name, {"fault": str(fault), "seconds": seconds})

    def _fault(self, pod: Object) -> tuple[Fault, float]:
        set_here = self._records.get("pod-fault", pod["metadata"]["name"])
        if set_here is not None:
            return Fault(set_here["fault"]), float(set_here["seconds"])
        text = (pod["metadata"].get("annotations") or {}).get(FAULT_ANNOTATION, "none")
        word, _, seconds = text.partition(" ")
        return (Fault(word), float(seconds or 0)) if word in set(Fault) else (Fault.NONE, 0.0)

    def _place(self, pod: Object) -> Path:
        return self._directory.joinpath(pod["metadata"]["namespace"], pod["metadata"]["name"])

    def log(self, pod: Object, *, previous: bool) -> str | None:
        """Return what the process printed, this one or the one before, or None if there was none."""
        restarts = (pod.get("status", {}).get("containerStatuses") or [{}])[0].get("restartCount", 0)
        number = restarts - 1 if previous else restarts
        for each in (number,) if previous else (number, number - 1):
            path = self._place(pod) / f"{each}.log"
            if path.exists():
                return path.read_text(errors="replace")
        return None

    async def look(self) -> None:
        """Do once what is due for every pod."""
        pods = {each["metadata"]["uid"]: each for each in self._objects.every(POD)}
        for uid in [uid for uid in self._pods if uid not in pods]:
            await self._stop(self._pods.pop(uid))
        for uid, pod in pods.items():
            if uid not in self._pods:
                self._pods[uid] = _taken_up(pod)
            await self._step(pod, self._pods[uid])
            self._write(pod, self._pods[uid].situation)

    @property
    def pause(self) -> float:
        """Return how long the next look may wait when no object changes meanwhile, in seconds."""
        return CALM_SECONDS if all(each.situation.ready for each in self._pods.values()) else LOOK_SECONDS

    async def _step(self, pod: Object, running: Running) -> None:
        if running.process is not None:
            await self._watch(pod, running)
            return
        fault, seconds = self._fault(pod)
        now = asyncio.get_running_loop().time()
        here = running.situation
        if fault is Fault.UNSCHEDULABLE:
            running.situation = replace(here, scheduled=False, refusal=UNSCHEDULABLE_MESSAGE)
            self._event(pod, running, "FailedScheduling", UNSCHEDULABLE_MESSAGE, "Warning")
            return
        here = running.situation = replace(here, scheduled=True)
        image = pod["spec"]["containers"][0]["image"]
        if fault is Fault.IMAGE:
            running.situation = here.because("ImagePullBackOff", IMAGE_MESSAGE.format(image=image))
            self._event(pod, running, "Failed", f'Failed to pull image "{image}": manifest unknown', "Warning")
            self._event(pod, running, "BackOff", f'Back-off pulling image "{image}"', "Warning")
        elif fault is Fault.CONFIG:
            self._cannot_make(pod, running, 'configmap "mesh-six-environment" not found')
        elif fault is Fault.SLOW and now - running.since < seconds:
            running.situation = here.because("ContainerCreating", "")
        elif now >= running.again_at:
            await self._start(pod, running, crash=fault is Fault.CRASH)

    def _cannot_make(self, pod: Object, running: Running, message: str) -> None:
        running.situation = running.situation.because("CreateContainerConfigError", message)
        self._event(pod, running, "Failed", f"Error: {message}", "Warning")

    async def _start(self, pod: Object, running: Running, *, crash: bool) -> None:
        try:
            env = variables(self._objects, pod)
        except ConfigMissingError as error:
            self._cannot_make(pod, running, str(error))
            return
        place = self._place(pod)
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        (place / "port").unlink(missing_ok=True)
        self._renew_token(pod, running)
        with (place / f"{running.situation.restarts}.log").open("wb") as log:
            running.process = await asyncio.create_subprocess_exec(
                sys.executable,
                runner.__file__,
                env=self._environment(pod, env, crash=crash),
                cwd=place,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        running.crashes = crash
        running.situation = replace(running.situation, started=now_text(), ready=False)
        self._event(pod, running, "Started", "Container started", "Normal")

    def _environment(self, pod: Object, own: Mapping[str, str], *, crash: bool) -> dict[str, str]:
        place, labels = self._place(pod), pod["metadata"].get("labels") or {}
        name = labels.get("app.kubernetes.io/name", pod["metadata"]["name"].rpartition("-")[0])
        found = {
            "MESH_SIX_ENVIRONMENT": name,
            **own,
            **self._config.env,
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(place),
            "MESH_SIX_TOKEN_FILE": str(place / "token"),
            "MESH_SIX_INSTANCE_ID": pod["metadata"]["uid"],
            "RUNNER_PORT_FILE": str(place / "port"),
            "RUNNER_PARENT": str(os.getpid()),
            "RUNNER_FAULT": "crash" if crash else "",
        }
        return found | ({"MESH_SIX_URL": self._config.url} if self._config.url else {})

    def _renew_token(self, pod: Object, running: Running) -> None:
        namespace, account = pod["metadata"]["namespace"], pod["spec"].get("serviceAccountName", "default")
        audience, seconds = _projection(pod) or (self._config.audience, TOKEN_SECONDS)
        token, _ = self._access.issue(
            namespace=namespace, account=account, audiences=[audience], seconds=seconds, pod=pod
        )
        draft = self._place(pod) / "token.new"
        draft.write_text(token)
        draft.chmod(0o600)
        draft.replace(self._place(pod) / "token")
        running.renew_at = asyncio.get_running_loop().time() + seconds * 0.8

    async def _watch(self, pod: Object, running: Running) -> None:
        process = running.process
        if process is None:
            return
        if process.returncode is not None:
            self._note_end(pod, running, process.returncode)
        elif self._spoils(self._fault(pod)[0], running):
            await self._stop(running)
        elif not running.situation.ready:
            running.situation = replace(running.situation, ready=await self._is_ready(pod))
        elif asyncio.get_running_loop().time() >= running.renew_at:
            self._renew_token(pod, running)

    def _spoils(self, fault: Fault, running: Running) -> bool:
        """Tell whether a process must be stopped for this fault; one that will crash by itself is left to do so."""
        return fault not in {Fault.NONE, Fault.SLOW} and not (fault is Fault.CRASH and running.crashes)

    def _note_end(self, pod: Object, running: Running, code: int) -> None:
        here, running.process = running.situation, None
        running.failures = 0 if here.ready else running.failures + 1
        fault, seconds = self._fault(pod)
        usual = min(FIRST_BACKOFF * 2 ** max(running.failures - 1, 0), LONGEST_BACKOFF)
        pause = seconds if fault is Fault.CRASH and seconds else usual
        running.again_at = asyncio.get_running_loop().time() + (pause if not here.ready else 0.0)
        last = Termination(exit_code=code if code >= 0 else 128 - code, started=here.started, finished=now_text())
        name = pod["metadata"]["name"]
        message = f"back-off {pause:g}s restarting failed container={pod['spec']['containers'][0]['name']} pod={name}"
        waiting = here.because("CrashLoopBackOff", message)
        running.situation = replace(waiting, last=last, restarts=here.restarts + 1)
        self._event(pod, running, "BackOff", "Back-off restarting failed container", "Warning")

    async def _is_ready(self, pod: Object) -> bool:
        try:
            port = int((self._place(pod) / "port").read_text())
            async with httpx.AsyncClient(trust_env=False) as client:
                return (await client.get(f"http://127.0.0.1:{port}/readyz", timeout=2)).is_success
        except (OSError, ValueError, httpx.HTTPError):
            return False

    async def _stop(self, running: Running) -> None:
        process, running.process = running.process, None
        if process is None or process.returncode is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), GRACE_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()
        running.situation = replace(running.situation, started="", ready=False)

    async def stop(self) -> None:
        """End all processes."""
        await asyncio.gather(*(self._stop(each) for each in self._pods.values()))
        self._pods.clear()

    def forget(self, pod: Object) -> None:
        """Remove a pod's files."""
        shutil.rmtree(self._place(pod), ignore_errors=True)

    def _write(self, pod: Object, situation: Situation) -> None:
        current = self._objects.get(POD, pod["metadata"]["namespace"], pod["metadata"]["name"])
        if current is None or current["metadata"]["uid"] != pod["metadata"]["uid"]:
            return
        spec = dict(current["spec"])
        if situation.scheduled:
            spec["nodeName"] = "sandbox-node"
        self._objects.replace(POD, {**current, "spec": spec, "status": status(current, situation)})

    def _event(self, pod: Object, running: Running, reason: str, message: str, kind: str) -> None:
        if reason in running.told:
            return
        running.told.add(reason)
        write_event(self._objects, pod, reason=reason, message=message, kind=kind, component="kubelet")


def write_event(objects: Objects, about: Object, *, reason: str, message: str, kind: str, component: str) -> None:
    """Record an Event about an object."""
    metadata = about["metadata"]
    now = datetime.now(UTC)
    name = f"{metadata['name']}.{objects.version + 1:016x}"
    objects.create(
        EVENT,
        {
            "metadata": {"name": name, "namespace": metadata["namespace"]},
            "involvedObject": {
                "apiVersion": about["apiVersion"],
                "kind": about["kind"],
                "name": metadata["name"],
                "namespace": metadata["namespace"],
                "uid": metadata["uid"],
            },
            "reason": reason,
            "message": message,
            "type": kind,
            "count": 1,
            "firstTimestamp": now_text(now),
            "lastTimestamp": now_text(now),
            "source": {"component": component},
            "reportingComponent": component,
            "reportingInstance": "sandbox-node",
        },
    )


def _projection(pod: Mapping[str, Any]) -> tuple[str, float] | None:
    """Return audience and life of the token that the pod's volumes ask for."""
    for volume in pod["spec"].get("volumes") or ():
        for source in (volume.get("projected") or {}).get("sources") or ():
            asked = source.get("serviceAccountToken")
            if asked and asked.get("audience"):
                return asked["audience"], float(asked.get("expirationSeconds") or TOKEN_SECONDS)
    return None


def _taken_up(pod: Object) -> Running:
    """Return a pod as it is when this process sees it first; after a restart its old process is gone."""
    before = (pod.get("status", {}).get("containerStatuses") or [{}])[0]
    situation = Situation(restarts=before.get("restartCount", 0))
    started = before.get("state", {}).get("running", {}).get("startedAt")
    if started:
        last = Termination(exit_code=137, started=started, finished=now_text())
        situation = replace(situation, restarts=situation.restarts + 1, last=last)
    return Running(situation=situation, since=asyncio.get_running_loop().time())
