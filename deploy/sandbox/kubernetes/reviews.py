"""Questions to the API server about tokens and rights, and tokens of ServiceAccounts."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from deploy.sandbox.kubernetes.access import ISSUER, Access, Deed, User
from deploy.sandbox.kubernetes.kinds import BY_NAME
from deploy.sandbox.kubernetes.objects import Objects, now_text
from deploy.sandbox.kubernetes.problems import Cause, invalid, not_found

SHORTEST_SECONDS = 600
USUAL_SECONDS = 3600


def token_review(access: Access, content: Mapping[str, Any]) -> dict[str, Any]:
    """Answer a TokenReview: whose token is it, and is it meant for these audiences?"""
    spec = content.get("spec") or {}
    wanted = spec.get("audiences") or [ISSUER]
    user = access.user(str(spec.get("token", "")))
    status: dict[str, Any]
    if user is None:
        status = {"user": {}, "error": "[invalid bearer token, token lookup failed]"}
    elif not set(wanted) & set(user.audiences):
        told = f"token audiences {list(user.audiences)} is invalid for the target audiences {wanted}"
        status = {"user": {}, "error": f"[invalid bearer token, {told}]"}
    else:
        known = {"username": user.name, "uid": user.uid, "groups": list(user.groups), "extra": dict(user.extra)}
        audiences = [each for each in wanted if each in user.audiences]
        status = {
            "authenticated": True,
            "user": {name: value for name, value in known.items() if value},
            "audiences": audiences,
        }
    return {
        "kind": "TokenReview",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": {},
        "spec": dict(spec),
        "status": status,
    }


def access_review(access: Access, user: User, content: Mapping[str, Any]) -> dict[str, Any]:
    """Answer a SelfSubjectAccessReview, or a SubjectAccessReview about another user."""
    spec = content.get("spec") or {}
    about = user
    if "user" in spec:
        about = User(name=spec["user"], groups=tuple(spec.get("groups") or ()))
    allowed = access.may(about, _deed(spec))
    kind = "SubjectAccessReview" if "user" in spec else "SelfSubjectAccessReview"
    status: dict[str, Any] = {"allowed": allowed}
    if allowed:
        status["reason"] = "RBAC: allowed"
    return {
        "kind": kind,
        "apiVersion": "authorization.k8s.io/v1",
        "metadata": {},
        "spec": dict(spec),
        "status": status,
    }


def _deed(spec: Mapping[str, Any]) -> Deed:
    asked = spec.get("resourceAttributes")
    if asked is None:
        plain = spec.get("nonResourceAttributes") or {}
        return Deed(verb=plain.get("verb", ""), path=plain.get("path", "/"))
    names = ("verb", "group", "resource", "subresource", "namespace", "name")
    return Deed(**{name: asked.get(name) or "" for name in names})


def token_request(
    access: Access, objects: Objects, *, namespace: str, account: str, content: Mapping[str, Any]
) -> dict[str, Any]:
    """Answer a TokenRequest. Raises ApiError 404, 422."""
    if objects.get(BY_NAME["ServiceAccount"], namespace, account) is None:
        raise not_found(BY_NAME["ServiceAccount"], account)
    spec = content.get("spec") or {}
    seconds = spec.get("expirationSeconds") or USUAL_SECONDS
    if seconds < SHORTEST_SECONDS:
        told = f"Invalid value: {seconds}: may not specify a duration less than 10 minutes"
        raise invalid(BY_NAME["ServiceAccount"], account, [Cause("spec.expirationSeconds", told)])
    reference, pod = spec.get("boundObjectRef") or {}, None
    if reference.get("kind") == "Pod":
        pod = objects.get(BY_NAME["Pod"], namespace, reference.get("name", ""))
        if pod is None:
            raise not_found(BY_NAME["Pod"], reference.get("name", ""))
    audiences = spec.get("audiences") or [ISSUER]
    token, until = access.issue(namespace=namespace, account=account, audiences=audiences, seconds=seconds, pod=pod)
    return {
        "kind": "TokenRequest",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": {"name": account, "namespace": namespace},
        "spec": {**spec, "audiences": audiences, "expirationSeconds": seconds},
        "status": {"token": token, "expirationTimestamp": now_text(datetime.fromtimestamp(until, UTC))},
    }
