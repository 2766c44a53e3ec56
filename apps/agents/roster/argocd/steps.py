"""The steps of a deployment by Argo CD: aim, begin the change, follow it. Each looks first and holds no worker."""

from dataclasses import dataclass

from django.conf import settings

from apps.agents.llm.words import ToolUse
from apps.agents.registry.models import Task
from apps.agents.registry.steps import Begun
from apps.agents.roster.argocd import asking, judging, planning, reporting
from apps.agents.roster.argocd.judging import Mark
from apps.agents.roster.argocd.words import Action, Aim, Changed, DeploymentReport
from apps.agents.roster.deployment import DeployWanted
from meshsix.durable.definition import StepFacts
from meshsix.durable.outcomes import Permanent
from meshsix.integrations.argocd import DEGRADED, Application, Applications, Sync
from meshsix.integrations.errors import Missing, Refused, TryLater
from meshsix.kit import clock
from meshsix.wiring import Clients

_VENDOR = "argocd"


@dataclass(frozen=True, kw_only=True)
class AimWanted:
    """What aiming takes."""

    ask: DeployWanted
    this: StepFacts


@dataclass(frozen=True, kw_only=True)
class ChangeWanted:
    """What beginning the change takes."""

    ask: DeployWanted
    aim: Aim
    this: StepFacts


@dataclass(frozen=True, kw_only=True)
class FollowWanted:
    """What following the change takes."""

    ask: DeployWanted
    begin: Begun
    aim: Aim
    change: Changed
    this: StepFacts


def aim(wanted: AimWanted, clients: Clients) -> Aim:
    """Say what is to be reached, so that a step that is tried again aims at the same. Changes nothing."""
    ask = wanted.ask
    action = asking.action(ask, _task(wanted.this).capability)
    if action is Action.LIST:
        return Aim(action=action)
    name = asking.name(ask, settings.ARGOCD_ALLOWED_APPLICATIONS)
    if action is Action.CREATE:
        return Aim(action=action, application=name, revision=asking.definition(ask).revision)
    try:
        application = asking.found(_applications(ask, clients), name, ask=ask, refresh=True)
    except Missing:
        if action is Action.DELETE:
            return Aim(action=action, application=name)
        raise
    return judging.aim(action, application, ask)


def change(wanted: ChangeWanted, clients: Clients) -> Changed:
    """Begin the change, unless it was begun, or is made, already. Raises TryLater while another operation goes on."""
    applications = _applications(wanted.ask, clients)
    match wanted.aim.action:
        case Action.LIST | Action.STATUS:
            return Changed()
        case Action.CREATE:
            return _create(wanted, applications)
        case Action.DELETE:
            return _delete(wanted, applications)
        case _:
            return _operate(wanted, applications)


def follow(wanted: FollowWanted, clients: Clients) -> DeploymentReport:
    """Wait until the change is made and all is well, and report. Raises TryLater, which counts no attempt, till then.

    Raises Permanent where it failed or is degraded, and `timeout` with what was seen last when time is over.
    """
    applications, task = _applications(wanted.ask, clients), _task(wanted.this)
    match wanted.aim.action:
        case Action.LIST:
            allowed, namespace = settings.ARGOCD_ALLOWED_APPLICATIONS, wanted.ask.app_namespace
            found = [each for each in applications.every() if asking.is_allowed(each.name, namespace, allowed)]
            report = reporting.listed(found)
        case Action.DELETE:
            report = _gone(wanted, applications)
        case _:
            report = _followed(wanted, applications, _mark(task))
    return reporting.finished(report, wanted.change.calls, since=task.started_at, now=clock.now())


def _operate(wanted: ChangeWanted, applications: Applications) -> Changed:
    """Ask for the operation: a sync, a dry run or a rollback."""
    ask, aimed, mark = wanted.ask, wanted.aim, _mark(_task(wanted.this))
    application = asking.found(applications, aimed.application, ask=ask)
    if judging.has_begun(application, aimed, mark, since=wanted.this.first_started_at):
        return Changed()
    operation = application.operation
    if operation is not None and operation.phase.open:
        raise _later(f"Argo CD is busy with another operation: {operation.phase} {operation.asked}".rstrip())
    if ask.plan_hash and aimed.action.syncs:
        _check_plan(wanted, applications)
    if aimed.action not in {Action.PLAN, Action.SYNC_FORCE} and judging.is_reached(application, aimed):
        return Changed()
    if aimed.history_id is not None:
        applications.roll_back(aimed.application, history_id=aimed.history_id)
        return _called("argocd.rollback")
    # One that syncs by itself takes no revision, not even that which it follows.
    revision = "" if application.automated and aimed.action is not Action.PLAN else aimed.revision
    applications.sync(
        aimed.application,
        Sync(
            revision=revision,
            mark=str(mark),
            prune=aimed.action is Action.SYNC_PRUNE,
            force=aimed.action is Action.SYNC_FORCE,
            dry_run=aimed.action is Action.PLAN,
        ),
    )
    return _called("argocd.sync")


def _check_plan(wanted: ChangeWanted, applications: Applications) -> None:
    name = wanted.aim.application
    found = planning.plan_hash(name, wanted.aim.revision, planning.diff(applications.managed(name)))
    if found != wanted.ask.plan_hash:
        hint = "Ask for a new plan, look at it, and ask for the sync with its plan_hash."
        raise Permanent("plan_outdated", hint=hint, detail="What would change is not what the plan showed.")


def _create(wanted: ChangeWanted, applications: Applications) -> Changed:
    """Make the application, unless one like it is there."""
    ask, name = wanted.ask, wanted.aim.application
    definition = asking.definition(ask)
    try:
        there = asking.found(applications, name, ask=ask)
    except Missing:
        applications.create(name, definition)
        return _called("argocd.create")
    if not asking.is_like(there.wanted, definition):
        hint = "Choose another name, or change it in Argo CD."
        raise Permanent("argocd:exists", hint=hint, detail=f"{name} is there, with another source or destination.")
    return Changed()


def _delete(wanted: ChangeWanted, applications: Applications) -> Changed:
    """Delete the application, unless it is gone already."""
    try:
        asking.found(applications, wanted.aim.application, ask=wanted.ask)
        applications.delete(wanted.aim.application)
    except Missing:
        return Changed()
    return _called("argocd.delete")


def _gone(wanted: FollowWanted, applications: Applications) -> DeploymentReport:
    try:
        asking.found(applications, wanted.aim.application, ask=wanted.ask)
    except Missing:
        return reporting.gone(wanted.aim)
    if not wanted.ask.wait:
        return reporting.gone(wanted.aim)
    raise _pause("it is still there", wanted)


def _followed(wanted: FollowWanted, applications: Applications, mark: Mark) -> DeploymentReport:
    aimed, operates = wanted.aim, wanted.aim.action.syncs or wanted.aim.action in {Action.PLAN, Action.ROLLBACK}
    application = asking.found(applications, aimed.application, ask=wanted.ask)
    waits = wanted.ask.wait or aimed.action is Action.PLAN
    if operates and waits and (missing := judging.brought(application, aimed, mark)):
        raise _pause(missing, wanted)
    if aimed.action is Action.PLAN:
        return reporting.planned(aimed, application, applications.managed(aimed.application))
    nodes = applications.nodes(aimed.application)
    if operates and waits:
        _check_health(wanted, application)
        if application.health == DEGRADED:
            raise reporting.degraded(application, nodes)
    return reporting.standing(aimed, application, nodes)


def _check_health(wanted: FollowWanted, application: Application) -> None:
    patience = 2 * settings.SYNC_POLL_INTERVAL
    if unwell := judging.settles(application, now=clock.now(), patience=patience):
        raise _pause(unwell, wanted)


def _pause(seen: str, wanted: FollowWanted) -> TryLater | Permanent:
    """Return the wait that people see; just before the deadline, which would not say why, the end."""
    told = f"{wanted.aim.application}: {seen}"
    if clock.now() + 2 * settings.SYNC_POLL_INTERVAL < wanted.begin.deadline_at:
        return _later(told)
    hint = "Look at the application in Argo CD; ask again, with more timeout_seconds where it only needs time."
    return Permanent("timeout", hint=hint, detail=told)


def _later(seen: str) -> TryLater:
    return TryLater(seen, pause=settings.SYNC_POLL_INTERVAL, counts=False, vendor=_VENDOR)


def _called(name: str) -> Changed:
    return Changed(calls=(ToolUse(name=name, calls=1, failed=0),))


def _task(this: StepFacts) -> Task:
    return Task.objects.get(run_id=this.run_id)


def _mark(task: Task) -> Mark:
    return Mark(task=str(task.task_id), attempt=str(task.attempts))


def _applications(ask: DeployWanted, clients: Clients) -> Applications:
    if clients.argocd is None:
        raise Refused("argocd is not configured.", code="argocd:not-configured", vendor=_VENDOR, hint="Set ARGOCD_URL.")
    return clients.argocd.applications(project=ask.argocd_project, namespace=ask.app_namespace)
