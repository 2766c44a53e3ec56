"""The kinds of object that we speak of, and where the API server serves them. Pure."""

from dataclasses import dataclass

_TABLE = """
v1                    Pod                      pods
v1                    Service                  services
v1                    ConfigMap                configmaps
v1                    PersistentVolumeClaim    persistentvolumeclaims
apps/v1               Deployment               deployments
apps/v1               ReplicaSet               replicasets
apps/v1               StatefulSet              statefulsets
apps/v1               ControllerRevision       controllerrevisions
batch/v1              Job                      jobs
batch/v1              CronJob                  cronjobs
autoscaling/v2        HorizontalPodAutoscaler  horizontalpodautoscalers
policy/v1             PodDisruptionBudget      poddisruptionbudgets
networking.k8s.io/v1  Ingress                  ingresses
"""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of object that lies in a namespace; `api_version` is like `apps/v1`, or `v1` for the core group."""

    name: str
    api_version: str
    plural: str

    @property
    def group(self) -> str:
        """Return the API group, empty for the core group."""
        return self.api_version.rpartition("/")[0]

    def path(self, namespace: str, name: str = "") -> str:
        """Return the address of one object, or of all in the namespace."""
        root = "/apis" if self.group else "/api"
        return f"{root}/{self.api_version}/namespaces/{namespace}/{self.plural}" + (f"/{name}" if name else "")


def _kind(line: str) -> Kind:
    api_version, name, plural = line.split()
    return Kind(name=name, api_version=api_version, plural=plural)


KINDS: dict[str, Kind] = {kind.name: kind for kind in map(_kind, _TABLE.strip().splitlines())}
