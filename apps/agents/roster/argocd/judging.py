"""What follows from how an application stands: which revision is aimed at, and whether it is there. Pure."""

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from apps.agents.roster.argocd.words import Action, Aim
from apps.agents.roster.deployment import DeployWanted
from meshsix.durable.outcomes import Permanent
from meshsix.integrations.argocd import DEGRADED, HEALTHY, Application, Operation

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_AUTOMATED = "argocd:auto-sync"


@dataclass(frozen=True, kw_only=True)
class Mark:
    """By which an operation is known as ours: of this task, and of this attempt of it."""

    task: str
    attempt: str

    def __str__(self) -> str:
        return f"{self.task} {self.attempt}"

    def stands_in(self, operation: Operation) -> bool:
        """Tell whether any attempt of this task asked for the operation."""
        return operation.mark.partition(" ")[0] == self.task


def aim(action: Action, application: Application, ask: DeployWanted) -> Aim:
    """Return what is to be reached with an application that was just compared. Raises Permanent."""
    history = application.history
    before = history[-1].revision if history else (application.revision if application.synced else "")
    known = Aim(action=action, application=application.name, previous_revision=before)
    if action is Action.ROLLBACK:
        return _back(application, ask, known)
    if action.syncs or action is Action.PLAN:
        return _forward(application, ask, known)
    return replace(known, revision=application.revision)


def _forward(application: Application, ask: DeployWanted, known: Aim) -> Aim:
    head, follows = application.revision, application.wanted.revision
    revision = ask.revision if ask.revision and ask.revision != follows else head
    if not revision:
        raise Permanent(
            "argocd:not-compared",
            hint="Look at the application in Argo CD: it cannot read or render what it follows.",
            detail="; ".join(application.complaints) or "Argo CD does not say at which revision the application is.",
        )
    if application.automated and revision != head and known.action.syncs:
        raise Permanent(
            _AUTOMATED,
            hint=f"Merge what you want into {follows}, or turn auto-sync off.",
            detail=f"{application.name} follows {follows} by itself and is at {head}: it takes no other revision.",
        )
    return replace(known, revision=revision)


def _back(application: Application, ask: DeployWanted, known: Aim) -> Aim:
    if application.automated:
        raise Permanent(
            _AUTOMATED,
            hint=f"Revert the commit in {application.wanted.repo_url or 'its repository'}; Argo CD follows by itself.",
            detail=f"{application.name} syncs by itself and would go forward again at once.",
        )
    history, wanted = application.history, ask.history_id
    fitting = [each for each in history if each.revision != known.previous_revision and wanted is None]
    fitting += [each for each in history if each.id == wanted]
    if not fitting:
        there = ", ".join(f"{each.id} ({each.revision[:10]})" for each in history) or "nothing"
        hint = f"Say a history_id of what Argo CD remembers: {there}."
        raise Permanent("argocd:no-history", hint=hint, detail="There is nothing to go back to.")
    return replace(known, revision=fitting[-1].revision, history_id=fitting[-1].id)


def is_at(revision: str, wanted: str) -> bool:
    """Tell whether a commit is what was asked for; a name that is no commit may be any."""
    return revision == wanted if _COMMIT.fullmatch(wanted) else revision != ""


def is_reached(application: Application, wanted: Aim) -> bool:
    """Tell whether the cluster holds what is aimed at, whoever brought it there."""
    if wanted.action is Action.ROLLBACK:
        return bool(application.history) and application.history[-1].revision == wanted.revision
    return application.synced and application.revision == wanted.revision


def is_ours(operation: Operation, wanted: Aim, mark: Mark) -> bool:
    """Tell whether an operation was asked for by this task. A rollback carries no mark: its revision tells."""
    if wanted.action is Action.ROLLBACK:
        return wanted.revision in {operation.asked, operation.revision}
    return mark.stands_in(operation)


def has_begun(application: Application, wanted: Aim, mark: Mark, *, since: datetime) -> bool:
    """Tell whether the change needs no call (any more): it goes on, it ended well, or it failed in this attempt.

    One that failed in an earlier attempt is begun anew; `since` is when this attempt first looked.
    """
    operation = application.operation
    if operation is None or not is_ours(operation, wanted, mark):
        return False
    if operation.phase.bad:
        return _is_of_this_attempt(operation, wanted, mark, since)
    return operation.phase.open or (wanted.action is not Action.ROLLBACK and is_at(operation.revision, wanted.revision))


def _is_of_this_attempt(operation: Operation, wanted: Aim, mark: Mark, since: datetime) -> bool:
    if wanted.action is not Action.ROLLBACK:
        return operation.mark == str(mark)
    began = operation.started_at  # Argo CD writes whole seconds
    return began is not None and began >= since.replace(microsecond=0)


def brought(application: Application, wanted: Aim, mark: Mark) -> str:
    """Return why the change is not made yet, empty where it is. Raises Permanent where it never will be."""
    operation = application.operation
    if operation is not None and operation.phase.open:
        return f"{operation.phase}: {operation.message}"
    if operation is None or not is_ours(operation, wanted, mark):
        if is_reached(application, wanted):
            return ""
        raise Permanent(
            "argocd:superseded",
            hint="See in Argo CD who else syncs this application, then ask again.",
            detail=f"Another operation took the place of ours: {_told(operation)}",
        )
    if operation.phase.bad:
        hint = "Mend what Argo CD complains about, then ask again."
        raise Permanent("argocd:failed", hint=hint, detail=_told(operation))
    if not is_at(operation.revision, wanted.revision):
        detail = f"Argo CD synced {operation.revision or 'nothing'}, not {wanted.revision}."
        raise Permanent(
            "argocd:other-revision", hint="See what the application follows, then ask again.", detail=detail
        )
    return ""


def _told(operation: Operation | None) -> str:
    if operation is None:
        return "there is none."
    return f"{operation.phase} at {operation.revision or operation.asked or 'an unknown revision'}: {operation.message}"


def settles(application: Application, *, now: datetime, patience: timedelta) -> str:
    """Return why the application is not well yet, empty where it is or where it certainly is not.

    What was degraded before the change is so for a moment after it: Argo CD is given `patience` to look again.
    """
    operation = application.operation
    ended = operation.finished_at if operation is not None else None
    fresh = ended is not None and now < ended + patience
    if application.health == HEALTHY or (application.health == DEGRADED and not fresh):
        return ""
    return f"its health is {application.health}"
