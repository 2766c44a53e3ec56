"""The kinds of object that the API serves, as a table."""

from dataclasses import dataclass

_TABLE = """
v1                            Namespace                 namespaces                 -  ns
v1                            Node                      nodes                      -  no
v1                            PersistentVolume          persistentvolumes          -  pv
v1                            Pod                       pods                       N  po
v1                            Service                   services                   N  svc
v1                            ConfigMap                 configmaps                 N  cm
v1                            Secret                    secrets                    N
v1                            ServiceAccount            serviceaccounts            N  sa
v1                            Event                     events                     N  ev
v1                            PersistentVolumeClaim     persistentvolumeclaims     N  pvc
v1                            LimitRange                limitranges                N  limits
v1                            ResourceQuota             resourcequotas             N  quota
v1                            Endpoints                 endpoints                  N  ep
apps/v1                       StatefulSet               statefulsets               N  sts
apps/v1                       Deployment                deployments                N  deploy
apps/v1                       DaemonSet                 daemonsets                 N  ds
apps/v1                       ReplicaSet                replicasets                N  rs
batch/v1                      Job                       jobs                       N
batch/v1                      CronJob                   cronjobs                   N  cj
autoscaling/v2                HorizontalPodAutoscaler   horizontalpodautoscalers   N  hpa
policy/v1                     PodDisruptionBudget       poddisruptionbudgets       N  pdb
networking.k8s.io/v1          NetworkPolicy             networkpolicies            N  netpol
networking.k8s.io/v1          Ingress                   ingresses                  N  ing
networking.k8s.io/v1          IngressClass              ingressclasses             -
rbac.authorization.k8s.io/v1  Role                      roles                      N
rbac.authorization.k8s.io/v1  RoleBinding               rolebindings               N
rbac.authorization.k8s.io/v1  ClusterRole               clusterroles               -
rbac.authorization.k8s.io/v1  ClusterRoleBinding        clusterrolebindings        -
storage.k8s.io/v1             StorageClass              storageclasses             -  sc
scheduling.k8s.io/v1          PriorityClass             priorityclasses            -  pc
external-secrets.io/v1        ExternalSecret            externalsecrets            N
external-secrets.io/v1        ClusterSecretStore        clustersecretstores        -
keda.sh/v1alpha1              ScaledObject              scaledobjects              N
traefik.io/v1alpha1           IngressRoute              ingressroutes              N
traefik.io/v1alpha1           Middleware                middlewares                N
monitoring.coreos.com/v1      ServiceMonitor            servicemonitors            N
monitoring.coreos.com/v1      PrometheusRule            prometheusrules            N
argoproj.io/v1alpha1          Application               applications               N
argoproj.io/v1alpha1          AppProject                appprojects                N
"""
WITHOUT_SCHEMA = frozenset(
    {"external-secrets.io", "keda.sh", "traefik.io", "monitoring.coreos.com", "argoproj.io"}
)  # custom resources, whose definitions are not Kubernetes' own


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of object."""

    group: str
    version: str
    name: str
    plural: str
    namespaced: bool
    short: tuple[str, ...]

    @property
    def api_version(self) -> str:
        """Return `apps/v1`, or `v1` for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def resource(self) -> str:
        """Return the name that messages use: `pods`, `statefulsets.apps`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def has_schema(self) -> bool:
        """Tell whether Kubernetes itself publishes its schema."""
        return self.group not in WITHOUT_SCHEMA


def _kind(line: str) -> Kind:
    api_version, name, plural, scope, *short = line.split()
    group, _, version = api_version.rpartition("/")
    return Kind(group=group, version=version, name=name, plural=plural, namespaced=scope == "N", short=tuple(short))


KINDS = tuple(_kind(line) for line in _TABLE.strip().splitlines())
BY_PATH = {(kind.group, kind.version, kind.plural): kind for kind in KINDS}
BY_NAME = {kind.name: kind for kind in KINDS}
