"""One cluster: its objects, rights and node, and the loop that keeps pods in line with what is wanted."""

import asyncio
from contextlib import suppress
from pathlib import Path

from deploy.sandbox.kubernetes import deployments, statefulsets
from deploy.sandbox.kubernetes.access import Access, User
from deploy.sandbox.kubernetes.kinds import BY_NAME, KINDS, Kind
from deploy.sandbox.kubernetes.kubelet import Kubelet, RunnerConfig
from deploy.sandbox.kubernetes.objects import Object, Objects
from deploy.sandbox.kubernetes.writing import Writer
from deploy.sandbox.records import Records

ALWAYS = ("default", "kube-system")
CONFIG_MAP, ACCOUNT = "mesh-six-environment", "environment"


class Cluster:
    """Everything behind the API."""

    def __init__(
        self,
        records: Records,
        *,
        directory: Path,
        tokens: dict[str, User],
        namespaces: tuple[str, ...],
        runner: RunnerConfig,
    ) -> None:
        self.stopping = False
        self._records = records
        self._namespaces = namespaces
        self._runner = runner
        self.objects = Objects(records)
        self.writer = Writer(self.objects)
        self.access = Access(self.objects, records, tokens)
        self.kubelet = Kubelet(self.objects, self.access, records, directory=directory, config=runner)
        self._told: set[str] = set()
        self._seed()

    def _seed(self) -> None:
        """Make what every cluster has, and what an operator puts into the namespaces of environments."""
        for name in (*ALWAYS, *self._namespaces):
            self._ensure("Namespace", "", {"metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}}})
            self._ensure("ServiceAccount", name, {"metadata": {"name": "default"}})
        for name in self._namespaces:
            self._ensure("ServiceAccount", name, {"metadata": {"name": ACCOUNT}})
            self._ensure(
                "ConfigMap", name, {"metadata": {"name": CONFIG_MAP}, "data": {"MESH_SIX_URL": self._runner.url}}
            )

    def _ensure(self, kind: str, namespace: str, content: Object) -> None:
        if self.objects.get(BY_NAME[kind], namespace, content["metadata"]["name"]) is None:
            self.writer.create(BY_NAME[kind], namespace, content, manager="sandbox")

    def delete(self, kind: Kind, namespace: str, name: str) -> None:
        """Delete an object; a namespace takes all that is in it along."""
        gone = self.objects.delete(kind, namespace, name)
        if kind.name == "Namespace":
            for each in KINDS:
                for content in self.objects.every(each, name) if each.namespaced else ():
                    self.objects.delete(each, name, content["metadata"]["name"])
        if kind.name == "Pod" and gone is not None:
            self.kubelet.forget(gone)

    def reset(self) -> None:
        """Go back to an empty cluster; processes of pods end with the next look."""
        self.objects.clear()
        for key, _ in self._records.items("pod-fault"):
            self._records.delete("pod-fault", key)
        self._told.clear()
        self._seed()

    def _reconcile(self) -> None:
        statefulsets.reconcile(self.objects, self._told)
        deployments.reconcile(self.objects, self._told)

    async def run(self) -> None:
        """Look after pods until stopped."""
        try:
            with self.objects.watched() as changes:
                while not self.stopping:
                    self._reconcile()
                    await self.kubelet.look()
                    while not changes.empty():
                        changes.get_nowait()
                    self._reconcile()
                    with suppress(TimeoutError):
                        await asyncio.wait_for(changes.get(), self.kubelet.pause)
        finally:
            await self.kubelet.stop()
