"""Who calls, and what they may do: bearer tokens, ServiceAccount tokens bound to pods, Roles and bindings."""

import secrets
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt

from deploy.sandbox.kubernetes.kinds import BY_NAME
from deploy.sandbox.kubernetes.objects import Objects
from deploy.sandbox.records import Records

ISSUER = "https://kubernetes.default.svc.cluster.local"
MASTERS = "system:masters"
EVERYBODY = "system:authenticated"


@dataclass(frozen=True, kw_only=True)
class User:
    """Who a token belongs to."""

    name: str
    groups: tuple[str, ...] = (EVERYBODY,)
    uid: str = ""
    extra: Mapping[str, list[str]] = field(default_factory=dict)
    audiences: tuple[str, ...] = (ISSUER,)


@dataclass(frozen=True, kw_only=True)
class Deed:
    """What somebody wants to do."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""


class Access:
    """Tokens and rights of one cluster."""

    def __init__(self, objects: Objects, records: Records, tokens: Mapping[str, User]) -> None:
        self._objects = objects
        self._records = records
        self._tokens = tokens
        self._moved = 0.0

    def advance(self, seconds: float) -> None:
        """Move the clock by which tokens end."""
        self._moved += seconds

    def now(self) -> float:
        """Return the time in seconds since 1970."""
        return time.time() + self._moved

    def _signing_key(self) -> str:
        kept = self._records.get("key", "tokens")
        if kept is None:
            kept = {"value": secrets.token_hex(32)}
            self._records.put("key", "tokens", kept)
        return str(kept["value"])

    def issue(
        self, *, namespace: str, account: str, audiences: Iterable[str], seconds: float, pod: Mapping[str, Any] | None
    ) -> tuple[str, float]:
        """Return a token of a ServiceAccount and when it ends; bound to a pod, it dies with it."""
        found = self._objects.get(BY_NAME["ServiceAccount"], namespace, account) or {"metadata": {"uid": ""}}
        bound: dict[str, Any] = {
            "namespace": namespace,
            "serviceaccount": {"name": account, "uid": found["metadata"]["uid"]},
        }
        if pod is not None:
            bound["pod"] = {"name": pod["metadata"]["name"], "uid": pod["metadata"]["uid"]}
            bound["node"] = {"name": "sandbox-node"}
        now = self.now()
        claims = {
            "iss": ISSUER,
            "sub": f"system:serviceaccount:{namespace}:{account}",
            "aud": list(audiences) or [ISSUER],
            "iat": int(now),
            "nbf": int(now),
            "exp": int(now + seconds),
            "jti": secrets.token_hex(16),
            "kubernetes.io": bound,
        }
        return jwt.encode(claims, self._signing_key(), algorithm="HS256"), now + seconds

    def user(self, token: str) -> User | None:
        """Return whose token it is, or None if it is wrong, expired, or its pod is gone."""
        if token in self._tokens:
            return self._tokens[token]
        unchecked = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False}
        try:
            claims = jwt.decode(token, self._signing_key(), algorithms=["HS256"], options=unchecked)  # type: ignore[arg-type] # a plain dict of its options
        except jwt.InvalidTokenError:
            return None
        bound = claims["kubernetes.io"]
        if claims["exp"] < self.now() or not self._still_there(bound):
            return None
        namespace = bound["namespace"]
        extra = {"authentication.kubernetes.io/credential-id": [f"JTI={claims['jti']}"]}
        if "pod" in bound:
            extra["authentication.kubernetes.io/pod-name"] = [bound["pod"]["name"]]
            extra["authentication.kubernetes.io/pod-uid"] = [bound["pod"]["uid"]]
            extra["authentication.kubernetes.io/node-name"] = [bound["node"]["name"]]
        return User(
            name=claims["sub"],
            uid=bound["serviceaccount"]["uid"],
            groups=("system:serviceaccounts", f"system:serviceaccounts:{namespace}", EVERYBODY),
            extra=extra,
            audiences=tuple(claims["aud"]),
        )

    def _still_there(self, bound: Mapping[str, Any]) -> bool:
        namespace = bound["namespace"]
        account = self._objects.get(BY_NAME["ServiceAccount"], namespace, bound["serviceaccount"]["name"])
        if account is None:
            return False
        if "pod" not in bound:
            return True
        pod = self._objects.get(BY_NAME["Pod"], namespace, bound["pod"]["name"])
        return pod is not None and pod["metadata"]["uid"] == bound["pod"]["uid"]

    def may(self, user: User, deed: Deed) -> bool:
        """Tell whether a Role or ClusterRole that is bound to the user allows the deed."""
        if MASTERS in user.groups:
            return True
        if deed.group == "authorization.k8s.io" and deed.resource.startswith("selfsubject"):
            return True
        return any(_allows(rule, deed) for rule in self._rules(user, deed.namespace))

    def _rules(self, user: User, namespace: str) -> Iterable[Mapping[str, Any]]:
        for binding in self._objects.every(BY_NAME["ClusterRoleBinding"]):
            if _is_bound(binding, user, ""):
                yield from self._role(binding["roleRef"], "")
        if namespace:
            for binding in self._objects.every(BY_NAME["RoleBinding"], namespace):
                if _is_bound(binding, user, namespace):
                    yield from self._role(binding["roleRef"], namespace)

    def _role(self, reference: Mapping[str, str], namespace: str) -> Iterable[Mapping[str, Any]]:
        kind = BY_NAME[reference["kind"]]
        role = self._objects.get(kind, namespace if kind.namespaced else "", reference["name"])
        return (role or {}).get("rules") or ()


def _is_bound(binding: Mapping[str, Any], user: User, namespace: str) -> bool:
    for subject in binding.get("subjects") or ():
        match subject["kind"]:
            case "ServiceAccount":
                place = subject.get("namespace", namespace)
                if user.name == f"system:serviceaccount:{place}:{subject['name']}":
                    return True
            case "User" if subject["name"] == user.name:
                return True
            case "Group" if subject["name"] in user.groups:
                return True
    return False


def _allows(rule: Mapping[str, Any], deed: Deed) -> bool:
    if not {"*", deed.verb} & set(rule.get("verbs", ())):
        return False
    if deed.path:
        paths = rule.get("nonResourceURLs", ())
        return any(path in ("*", deed.path) or deed.path.startswith(path.removesuffix("*")) for path in paths)
    full = f"{deed.resource}/{deed.subresource}" if deed.subresource else deed.resource
    names = rule.get("resourceNames") or ()
    return (
        bool({"*", deed.group} & set(rule.get("apiGroups", ())))
        and bool({"*", full, f"*/{deed.subresource}"} & set(rule.get("resources", ())))
        and (not names or deed.name in names)
    )
