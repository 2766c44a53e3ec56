"""The API server of one cluster, seen from one namespace. A thin shell around the official client's transport.

The official client brings the kubeconfig, the account of a pod with its renewed token, TLS and proxies; of its
generated models nothing is used: they cost over a second to load, and `messages.py` reads the few fields that we need.
"""

import copy
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Self

from kubernetes.client import ApiClient, ApiException, Configuration
from kubernetes.config import ConfigException, load_incluster_config, load_kube_config
from urllib3.exceptions import HTTPError
from yaml import YAMLError

from meshsix.integrations.kubernetes import failures, messages
from meshsix.integrations.kubernetes.messages import Pod, PodEvent, Right, StatefulSet, TokenReviewed
from meshsix.integrations.kubernetes.objects import Body, Objects

_AUTHENTICATION = "authentication.k8s.io"
_AUTHORIZATION = "authorization.k8s.io"
_MOST_LOG_BYTES = 64 * 1024
_MOST_LISTED = "500"
_JSON = "application/json"


class Kubernetes:
    """One namespace of a cluster. Every call raises TryLater, Refused or Missing and nothing else; none retries."""

    def __init__(self, configuration: Configuration, *, namespace: str, timeout: timedelta) -> None:
        configuration.retries = False
        self._api: Any = ApiClient(configuration)
        self._timeout_seconds = timeout.total_seconds()
        self.namespace = namespace

    @classmethod
    def from_kubeconfig(cls, path: str, *, namespace: str, timeout: timedelta) -> Self:
        """Return the cluster of a kubeconfig file's current context. Raises Refused where the file is of no use."""
        configuration = Configuration()
        try:
            load_kube_config(config_file=path, client_configuration=configuration)  # type: ignore[no-untyped-call] # vendor's
        except (ConfigException, OSError, YAMLError) as error:
            raise failures.unusable(f"The kubeconfig file cannot be used: {error}", setting="KUBECONFIG") from error
        return cls(configuration, namespace=namespace, timeout=timeout)

    @classmethod
    def in_cluster(cls, *, namespace: str, timeout: timedelta) -> Self:
        """Return the cluster in which this process runs, with the account of its pod, whose token is renewed."""
        configuration = Configuration()
        try:
            load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call] # vendor's
        except (ConfigException, OSError) as error:
            raise failures.unusable(
                f"The account of this pod cannot be used: {error}", setting="KUBERNETES_IN_CLUSTER"
            ) from error
        return cls(configuration, namespace=namespace, timeout=timeout)

    @classmethod
    def at(cls, url: str, *, token: str, ca_file: str, namespace: str, timeout: timedelta) -> Self:
        """Return the cluster at `url`; an empty `ca_file` means the authorities that the system trusts."""
        configuration = Configuration(host=url, ssl_ca_cert=ca_file or None)
        if token:
            configuration.api_key = {"BearerToken": f"Bearer {token}"}
        return cls(configuration, namespace=namespace, timeout=timeout)

    def close(self) -> None:
        """Close the connections."""
        self._api.close()

    def in_namespace(self, namespace: str) -> Self:
        """Return the same cluster, with the same connections, seen from another namespace."""
        other = copy.copy(self)
        other.namespace = namespace
        return other

    @property
    def objects(self) -> Objects:
        """Return the objects of the namespace, of any kind that kinds.py knows."""
        return Objects(self._ask, self.namespace)

    def version(self) -> str:
        """Return the version of the API server, like `1.37`."""
        answer = self._ask("GET", "/version", right=Right(verb="get", resource="/version"))
        return f"{answer['major']}.{str(answer['minor']).rstrip('+')}"

    def pod(self, name: str) -> Pod:
        """Return the pod called `name`. Raises Missing."""
        return messages.pod(self._ask("GET", self._path("pods", name), right=self._right("get", "pods")))

    def pods(self, *, labels: str = "") -> tuple[Pod, ...]:
        """Return the pods of the namespace, at most 500, by a label selector if one is given."""
        query = [("limit", _MOST_LISTED), *([("labelSelector", labels)] if labels else [])]
        return messages.pods(self._ask("GET", self._path("pods"), right=self._right("list", "pods"), query=query))

    def pod_events(self, pod: str = "") -> tuple[PodEvent, ...]:
        """Return what was written down about one pod or, without a name, all pods, the newest first; at most 500."""
        fields = ["involvedObject.kind=Pod", *([f"involvedObject.name={pod}"] if pod else [])]
        query = [("fieldSelector", ",".join(fields)), ("limit", _MOST_LISTED)]
        answer = self._ask("GET", self._path("events"), right=self._right("list", "events"), query=query)
        return messages.pod_events(answer)

    def stateful_set(self, name: str) -> StatefulSet:
        """Return the stateful set called `name`. Raises Missing."""
        path = self._path("statefulsets", name, group="apps")
        return messages.stateful_set(self._ask("GET", path, right=self._right("get", "statefulsets", group="apps")))

    def log_tail(self, pod: str, *, container: str, lines: int = 50, previous: bool = False) -> str:
        """Return the last `lines` lines of a container; `previous` asks for its run before the present one.

        Raises Refused `kubernetes:rejected` where the container has not run yet.
        """
        query = [
            ("container", container),
            ("tailLines", str(lines)),
            ("limitBytes", str(_MOST_LOG_BYTES)),
            ("previous", "true" if previous else "false"),
        ]
        body = self._call("GET", self._path("pods", pod) + "/log", right=self._right("get", "pods/log"), query=query)
        return body.decode("utf-8", errors="replace")

    def may(self, verb: str, resource: str, *, group: str = "") -> bool:
        """Tell whether we have a right in the namespace; `resource` is written like `pods` or `pods/log`."""
        plural, _, subresource = resource.partition("/")
        wanted = {
            "namespace": self.namespace,
            "verb": verb,
            "group": group,
            "resource": plural,
            "subresource": subresource,
        }
        answer = self._review(_AUTHORIZATION, "SelfSubjectAccessReview", {"resourceAttributes": wanted})
        return bool((answer.get("status") or {}).get("allowed"))

    def review_token(self, token: str, *, audience: str) -> TokenReviewed:
        """Ask the cluster whose token this is. A bad token is an answer, not an error."""
        answer = self._review(_AUTHENTICATION, "TokenReview", {"token": token, "audiences": [audience]})
        return messages.token_review(answer, audience=audience)

    def _review(self, group: str, kind: str, spec: Mapping[str, Any]) -> dict[str, Any]:
        plural = f"{kind.lower()}s"
        body = {"apiVersion": f"{group}/v1", "kind": kind, "spec": spec}
        right = Right(verb="create", resource=plural, group=group)
        return self._ask("POST", f"/apis/{group}/v1/{plural}", right=right, body=body)

    def _right(self, verb: str, resource: str, *, group: str = "") -> Right:
        return Right(verb=verb, resource=resource, group=group, namespace=self.namespace)

    def _path(self, plural: str, name: str = "", *, group: str = "") -> str:
        root = f"/apis/{group}/v1" if group else "/api/v1"
        return f"{root}/namespaces/{self.namespace}/{plural}" + (f"/{name}" if name else "")

    def _ask(
        self,
        method: str,
        path: str,
        *,
        right: Right,
        query: list[tuple[str, str]] | None = None,
        body: Body | None = None,
        form: str = _JSON,
    ) -> dict[str, Any]:
        answer = self._call(method, path, right=right, query=query, body=body, form=form)
        try:
            parsed = json.loads(answer)
        except ValueError as error:
            raise failures.unreadable(path) from error
        if not isinstance(parsed, dict):
            raise failures.unreadable(path)
        return parsed

    def _call(
        self,
        method: str,
        path: str,
        *,
        right: Right,
        query: list[tuple[str, str]] | None = None,
        body: Body | None = None,
        form: str = _JSON,
    ) -> bytes:
        """Send one request and return the body of a good answer; `right` is what the request needs, for a 403."""
        try:
            request = self._api.param_serialize(
                method,
                path,
                query_params=query,
                header_params={"Accept": _JSON, "Content-Type": form},
                body=body,
                auth_settings=["BearerToken"],
            )
            response = self._api.call_api(*request, _request_timeout=(self._timeout_seconds, self._timeout_seconds))
            content: bytes = response.read()
        except ConfigException as error:  # the credential could not be renewed
            raise failures.unusable(str(error), setting="KUBECONFIG") from error
        except (HTTPError, ApiException, OSError) as error:
            raise failures.unreachable(error) from error
        if response.status >= failures.FIRST_BAD_STATUS:
            raise failures.failure(response.status, content, headers=response.headers, right=right)
        return content
