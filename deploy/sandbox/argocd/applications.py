"""Applications and their operations: what is stored, and what an operation does. No HTTP of our own side."""

import asyncio
import copy
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deploy.sandbox.argocd import shown
from deploy.sandbox.argocd.kustomize import CLUSTER_WIDE, Object, RenderError, identity, render
from deploy.sandbox.argocd.repository import GitError
from deploy.sandbox.argocd.sources import RpcError, Source, Sources
from deploy.sandbox.argocd.target import ClusterError, Ref, Target, health
from deploy.sandbox.records import Records

TRACKING = "argocd.argoproj.io/tracking-id"
ORDER = ("Namespace", "ServiceAccount", "ConfigMap", "Secret", "Role", "RoleBinding", "Service")
NO_FAULT: Mapping[str, Any] = {"kind": "none", "seconds": 0, "message": ""}
IN_PROGRESS = "another operation is already in progress"
MOST_HISTORY = 10


def now_text() -> str:
    """Return the time as Argo CD writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Applications:
    """All applications, with one operation at a time each."""

    def __init__(self, records: Records, sources: Sources, target: Target) -> None:
        self._records = records
        self._sources = sources
        self._target = target
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def names(self) -> list[str]:
        """Return the names of all applications."""
        return self._sources.names()

    def create(self, definition: Mapping[str, Any]) -> Object:
        """Make an application and return it. Raises RpcError where another one has its name."""
        return self.get(self._sources.create(definition))

    def delete(self, name: str) -> None:
        """Delete an application; its objects stay. Raises RpcError 404."""
        self._sources.delete(name)
        self._records.delete("application", name)
        if name in self._tasks:
            self._tasks.pop(name).cancel()

    def get(self, name: str) -> Object:
        """Return an application as it is stored. Raises RpcError 404."""
        source = self._sources.get(name)
        kept = self._records.get("application", name) or {"status": {"sync": {"status": "Unknown"}}}
        policy: Object = {"syncOptions": ["ServerSideApply=true"]}
        if source.automated:
            policy["automated"] = {"prune": source.prune, "selfHeal": True}
        return {
            "metadata": {"name": name, "namespace": "argocd", "uid": f"sandbox-{name}"},
            "spec": {
                "project": source.project,
                "source": {
                    "repoURL": source.repository.url,
                    "path": source.path,
                    "targetRevision": source.revision,
                },
                "destination": {"server": "https://kubernetes.default.svc", "namespace": source.namespace},
                "syncPolicy": policy,
            },
            **kept,
        }

    def _write(self, name: str, application: Mapping[str, Any]) -> None:
        kept = {part: application[part] for part in ("status", "operation") if part in application}
        self._records.put("application", name, kept)

    def fault(self, name: str, kind: str, seconds: float, message: str) -> None:
        """Let the next operation take its time or end badly: kind is Failed, Error or none."""
        self._sources.get(name)
        self._records.put("fault", name, {"kind": kind, "seconds": seconds, "message": message})

    def judge(self, name: str, health: str, message: str) -> None:
        """Let the first object of an application be of this health, whatever the cluster says; empty: no longer."""
        self._sources.get(name)
        self._records.put("health", name, {"status": health, "message": message} if health else {})

    async def refresh(self, name: str) -> Object:
        """Compare what is wanted with what is there and return the application."""
        source, application = self._sources.get(name), self.get(name)
        status = application["status"]
        try:
            await source.repository.fetch()
            commit = await source.repository.commit(source.revision)
            wanted = await self._rendered(name, source, commit)
            status |= await self._compared(status, wanted, commit)
            status.pop("conditions", None)
        except (GitError, RenderError, ClusterError) as error:
            status["sync"] = {"status": "Unknown", "comparedTo": self._compared_to(application)}
            status["conditions"] = [
                {"type": "ComparisonError", "message": str(error), "lastTransitionTime": now_text()}
            ]
        status["reconciledAt"] = now_text()
        self._write(name, application)
        wanting = status["sync"]["status"] == "OutOfSync" and not self._is_busy(name)
        if source.automated and wanting and not _has_failed(status, status["sync"]["revision"]):
            self.sync(name, {"revision": status["sync"]["revision"], "prune": source.prune}, user="")
        return await self.current(name)

    async def current(self, name: str) -> Object:
        """Return the application with today's health of its objects."""
        application = self.get(name)
        if application["status"].get("resources"):
            await self._judge(name, application["status"])
        return application

    def _compared_to(self, application: Mapping[str, Any]) -> Object:
        return {"source": application["spec"]["source"], "destination": application["spec"]["destination"]}

    async def _rendered(self, name: str, source: Source, commit: str) -> list[tuple[Ref, Object]]:
        with tempfile.TemporaryDirectory(prefix="sandbox-argocd-") as folder:
            await source.repository.export(commit, Path(folder))
            objects = render(Path(folder), source.path)
        found = []
        for content in objects:
            metadata = content["metadata"]
            if content["kind"] not in CLUSTER_WIDE:
                metadata.setdefault("namespace", source.namespace)
            group, kind, namespace, own = identity(content)
            tracking = f"{name}:{group}/{kind}:{namespace or source.namespace}/{own}"
            metadata["annotations"] = {**(metadata.get("annotations") or {}), TRACKING: tracking}
            found.append((shown.ref_of(content, namespace), content))
        return sorted(found, key=lambda pair: ORDER.index(pair[0].kind) if pair[0].kind in ORDER else len(ORDER))

    async def _compared(self, status: Object, wanted: list[tuple[Ref, Object]], commit: str) -> Object:
        resources = []
        for ref, content in wanted:
            live = await self._target.get(ref)
            same = live is not None and shown.says(live, content)
            resources.append(shown.resource(ref, "Synced" if same else "OutOfSync", health(live)))
        known = {(each["group"], each["kind"], each["namespace"], each["name"]) for each in resources}
        resources += [
            {**old, "status": "OutOfSync", "requiresPruning": True}
            for old in status.get("resources") or ()
            if (old["group"], old["kind"], old["namespace"], old["name"]) not in known
        ]
        synced = all(each["status"] == "Synced" for each in resources)
        return {
            "resources": resources,
            "sync": {"status": "Synced" if synced else "OutOfSync", "revision": commit},
            "health": {"status": shown.worst(resources)},
        }

    async def _judge(self, name: str, status: Object) -> None:
        for each in status["resources"]:
            try:
                each["health"] = {"status": health(await self._target.get(shown.ref(each)))}
            except ClusterError:
                each["health"] = {"status": "Unknown"}
        told = self._records.get("health", name)
        if told and status["resources"]:
            status["resources"][0]["health"] = told
        status["health"] = {"status": shown.worst(status["resources"])}

    async def managed(self, name: str) -> list[Object]:
        """Return the objects as they are and as the revision that is followed wants them. Raises RpcError."""
        source = self._sources.get(name)
        try:
            await source.repository.fetch()
            wanted = dict(await self._rendered(name, source, await source.repository.commit(source.revision)))
            gone = [ref for ref in self._known(name) if ref not in wanted]
            pairs = [*wanted.items(), *((ref, None) for ref in gone)]
            return [shown.managed(ref, await self._target.get(ref), content) for ref, content in pairs]
        except (GitError, RenderError, ClusterError) as error:
            raise RpcError(400, 9, f"error getting cached app managed resources: {error}") from error

    def _known(self, name: str) -> list[Ref]:
        """Return the objects that the last comparison has seen."""
        return [shown.ref(each) for each in self.get(name)["status"].get("resources") or ()]

    def _is_busy(self, name: str) -> bool:
        application = self.get(name)
        phase = (application["status"].get("operationState") or {}).get("phase")
        return "operation" in application or phase == "Running"

    def sync(self, name: str, asked: Mapping[str, Any], *, user: str) -> Object:
        """Start an operation and return the application. Raises RpcError 400 if one is under way."""
        source, application = self._sources.get(name), self.get(name)
        revision = asked.get("revision") or source.revision
        if source.automated and user and revision != source.revision and not asked.get("dryRun"):
            raise RpcError(400, 9, f"Cannot sync to {revision}: auto-sync currently set to {source.revision}")
        if self._is_busy(name):
            raise RpcError(400, 9, IN_PROGRESS)
        operation = {
            "sync": {"revision": revision, "prune": bool(asked.get("prune")), "dryRun": bool(asked.get("dryRun"))},
            "initiatedBy": {"username": user} if user else {"automated": True},
        }
        if asked.get("infos"):
            operation["info"] = asked["infos"]
        return self._start(name, application, operation)

    def roll_back(self, name: str, asked: Mapping[str, Any], *, user: str) -> Object:
        """Start to bring back an entry of the history. Raises RpcError 400."""
        source, application, number = self._sources.get(name), self.get(name), int(asked.get("id", 0))
        if source.automated:
            raise RpcError(400, 9, "rollback cannot be initiated when auto-sync is enabled")
        history = application["status"].get("history") or ()
        entry = next((each for each in history if each["id"] == number), None)
        if entry is None:
            raise RpcError(400, 3, f"application {name} does not have deployment with id {number}")
        if self._is_busy(name):
            raise RpcError(400, 9, IN_PROGRESS)
        sync = {"revision": entry["revision"], "prune": bool(asked.get("prune")), "dryRun": bool(asked.get("dryRun"))}
        return self._start(name, application, {"sync": sync, "initiatedBy": {"username": user}})

    def _start(self, name: str, application: Object, operation: Object) -> Object:
        application["operation"] = operation
        self._write(name, application)
        fault = self._records.get("fault", name) or NO_FAULT
        self._records.delete("fault", name)
        self._tasks[name] = asyncio.create_task(self._operate(name, fault))
        return copy.deepcopy(application)

    def resume(self) -> None:
        """Take up operations that a killed process left behind."""
        for name in self._sources.names():
            if self._is_busy(name):
                self._tasks[name] = asyncio.create_task(self._operate(name))

    async def stop(self) -> None:
        """Leave operations where they are; the next start takes them up."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        await self._target.close()

    def terminate(self, name: str) -> None:
        """End the running operation. Raises RpcError 400 if there is none."""
        self._sources.get(name)
        if not self._is_busy(name):
            raise RpcError(400, 3, "Unable to terminate operation. No operation is in progress")
        if name in self._tasks:
            self._tasks[name].cancel()
        self._finish(name, "Failed", "Operation terminated", {})

    async def _operate(self, name: str, fault: Mapping[str, Any] = NO_FAULT) -> None:
        source, application = self._sources.get(name), self.get(name)
        operation = application.pop("operation", None) or application["status"]["operationState"]["operation"]
        application["status"]["operationState"] = {
            "operation": operation,
            "phase": "Running",
            "message": "waiting for completion",
            "startedAt": now_text(),
        }
        self._write(name, application)
        await asyncio.sleep(fault["seconds"])
        if fault["kind"] in ("Failed", "Error"):
            self._finish(name, fault["kind"], fault["message"] or "one or more objects failed to apply", {})
            return
        try:
            await source.repository.fetch()
            commit = await source.repository.commit(operation["sync"]["revision"])
            wanted = await self._rendered(name, source, commit)
        except (GitError, RenderError) as error:
            self._finish(name, "Error", f"ComparisonError: {error}", {})
            return
        results = await self._apply(name, wanted, operation["sync"])
        failed = [each["message"] for each in results if each["status"] == "SyncFailed"]
        outcome = {"revision": commit, "source": application["spec"]["source"], "resources": results}
        if failed:
            message = f"one or more objects failed to apply, reason: {failed[0]}"
            self._finish(name, "Failed", message, outcome)
        else:
            if not operation["sync"]["dryRun"]:
                await self._settle(name, wanted, commit)
            self._finish(name, "Succeeded", "successfully synced (all tasks run)", outcome)

    async def _apply(self, name: str, wanted: list[tuple[Ref, Object]], sync: Mapping[str, Any]) -> list[Object]:
        results = []
        for ref, content in wanted:
            try:
                new = False if sync["dryRun"] else await self._target.apply(ref, content)
                results.append(shown.result(ref, "Synced", "created" if new else "configured"))
            except ClusterError as error:
                results.append(shown.result(ref, "SyncFailed", str(error)))
        known = {ref for ref, _ in wanted}
        for ref in self._known(name):
            if ref in known or sync["dryRun"]:
                continue
            if not sync["prune"]:
                results.append(shown.result(ref, "PruneSkipped", "ignored (requires pruning)"))
                continue
            try:
                await self._target.delete(ref)
                results.append(shown.result(ref, "Pruned", "pruned"))
            except ClusterError as error:
                results.append(shown.result(ref, "SyncFailed", str(error)))
        return results

    async def _settle(self, name: str, wanted: list[tuple[Ref, Object]], commit: str) -> None:
        application = self.get(name)
        status = application["status"]
        prune = status["operationState"]["operation"]["sync"]["prune"]
        if prune:
            status["resources"] = []
        status |= await self._compared(status, wanted, commit)
        self._write(name, application)

    def _finish(self, name: str, phase: str, message: str, outcome: Mapping[str, Any]) -> None:
        application = self.get(name)
        application.pop("operation", None)
        state = application["status"].setdefault("operationState", {})
        state |= {"phase": phase, "message": message, "finishedAt": now_text()}
        if outcome:
            state["syncResult"] = dict(outcome)
        if phase == "Succeeded" and not state["operation"]["sync"]["dryRun"]:
            self._remember(application["status"], outcome)
        self._write(name, application)

    def _remember(self, status: Object, outcome: Mapping[str, Any]) -> None:
        """Add what was brought to the cluster to the history."""
        history = status.get("history") or []
        entry = {
            "id": history[-1]["id"] + 1 if history else 0,
            "revision": outcome["revision"],
            "source": outcome["source"],
            "deployStartedAt": status["operationState"]["startedAt"],
            "deployedAt": now_text(),
        }
        status["history"] = [*history, entry][-MOST_HISTORY:]

    def clear(self) -> None:
        """Forget all operations and what was synced."""
        for task in self._tasks.values():
            task.cancel()
        self._records.clear()
        self._sources.read()


def _has_failed(status: Mapping[str, Any], commit: str) -> bool:
    """Tell whether an operation for this very commit has ended badly: Argo CD does not try it again by itself."""
    state = status.get("operationState") or {}
    return state.get("phase") in ("Failed", "Error") and state["operation"]["sync"]["revision"] == commit
