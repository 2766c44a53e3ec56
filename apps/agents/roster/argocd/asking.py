"""Which applications may be touched, and what a payload asks for. Pure, but for the vendor's own errors."""

from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from http import HTTPStatus

from apps.agents.roster.argocd.words import ALSO_CALLED, OFFERED, Action
from apps.agents.roster.deployment import DeployWanted
from meshsix.durable.outcomes import Permanent
from meshsix.integrations.argocd import Application, Applications, Wanted
from meshsix.integrations.errors import Missing, Refused

_INVALID = "invalid_input"


def action(ask: DeployWanted, capability: str) -> Action:
    """Return what is asked for. Raises Permanent `invalid_input`.

    rollback-service does one thing alone, so that it need not be said.
    """
    offered = OFFERED[capability]
    if len(offered) == 1:
        (only,) = offered
        found: str = only if ask.action == Action.SYNC else ask.action
    else:
        found = ALSO_CALLED.get(ask.action, ask.action)
    if found not in offered:
        known = ", ".join(sorted(offered))
        raise Permanent(_INVALID, hint=f"Ask for one of: {known}.", detail=f"{capability} has no action {ask.action}.")
    if ask.manifests:
        hint = "Put the manifests into the application's repository, or ask kubectl-deployer."
        raise Permanent(_INVALID, hint=hint, detail="Argo CD takes no manifests from a task.")
    return Action(found)


def name(ask: DeployWanted, allowed: Sequence[str]) -> str:
    """Return the application that is meant. Raises Permanent where none is named or it is not allowed."""
    found = ask.application or ask.service
    if not found:
        raise Permanent(_INVALID, hint="Say which application or service is meant.")
    if not is_allowed(found, ask.app_namespace, allowed):
        raise Permanent(
            "argocd:not-allowed",
            hint="Ask for another application, or let an admin add it to ARGOCD_ALLOWED_APPLICATIONS.",
            detail=f"{_place(found, ask.app_namespace)} is not among the applications that agents may touch.",
        )
    return found


def is_allowed(application: str, namespace: str, allowed: Sequence[str]) -> bool:
    """Tell whether a pattern allows it: `NAME`, or `NAMESPACE/NAME` where a namespace is named. None allows nothing."""
    return any(fnmatchcase(_place(application, namespace), pattern) for pattern in allowed)


def _place(application: str, namespace: str) -> str:
    return f"{namespace}/{application}" if namespace else application


def found(applications: Applications, named: str, *, ask: DeployWanted, refresh: bool = False) -> Application:
    """Return the application. Raises Missing where it does not exist, or we may not see it."""
    try:
        return applications.get(named, refresh=refresh)
    except Refused as error:
        hidden = error.status == HTTPStatus.FORBIDDEN and not ask.argocd_project
        if not hidden and not isinstance(error, Missing):
            raise
        raise Missing(
            f"Argo CD has no application {_place(named, ask.app_namespace)}, or we may not see it.",
            code="argocd:missing",
            vendor="argocd",
            status=error.status,
            hint="Correct the name, say its argocd_project and app_namespace, or make it with create-application.",
        ) from error


def definition(ask: DeployWanted) -> Wanted:
    """Return the application that is to be made. Raises Permanent `invalid_input`."""
    source, destination = ask.source, ask.destination
    if source is None or not source.repo_url or destination is None or not destination.namespace:
        hint = "Say source.repo_url and destination.namespace."
        raise Permanent(_INVALID, hint=hint, detail="An application needs a repository and a namespace.")
    return Wanted(
        project=ask.argocd_project or "default",
        repo_url=source.repo_url,
        path=source.path,
        revision=source.target_revision or "HEAD",
        server=destination.server,
        namespace=destination.namespace,
    )


def is_like(there: Wanted, wanted: Wanted) -> bool:
    """Tell whether an application that is there is what should be made; an unnamed server may be any name of it."""
    return replace(there, server=wanted.server and there.server) == wanted
