"""How an application stands, as the answer of a task: filled from what Argo CD said. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from apps.agents.llm.words import ToolUse
from apps.agents.roster.argocd import planning
from apps.agents.roster.argocd.words import Action, Aim, DeploymentReport, Listed, ResourceState
from apps.agents.roster.basis import Basis, Source, basis
from meshsix.durable.outcomes import Permanent
from meshsix.integrations.argocd import DEGRADED, Application, Managed, Resource

MOST_LISTED = 200
MOST_RESOURCES = 200
MOST_DIFF = 100_000
_READ = ToolUse(name="argocd.application", calls=1, failed=0)


def listed(applications: Sequence[Application]) -> DeploymentReport:
    """Report the applications that may be touched, the first 200."""
    found = tuple(
        Listed(
            application=each.name,
            namespace=each.namespace,
            argocd_project=each.wanted.project,
            revision=each.revision,
            sync_status=each.sync_status,
            health_status=each.health,
        )
        for each in applications[:MOST_LISTED]
    )
    told = "1 application" if len(applications) == 1 else f"{len(applications)} applications"
    read = Basis(tools=(replace(_READ, name="argocd.applications"),))
    return DeploymentReport(action=Action.LIST, message=told, applications=found, basis=read)


def standing(aimed: Aim, application: Application, nodes: Sequence[Resource]) -> DeploymentReport:
    """Report how an application stands."""
    operation = application.operation
    synced = operation.revision if operation is not None and _operates(aimed) else ""
    return DeploymentReport(
        action=aimed.action,
        application=application.name,
        previous_revision=aimed.previous_revision,
        revision=synced or application.revision,
        sync_status=application.sync_status,
        health_status=application.health,
        operation_phase="" if operation is None else str(operation.phase),
        message="" if operation is None else operation.message,
        resources=_resources(application, nodes),
        basis=Basis(tools=(_READ, ToolUse(name="argocd.resource-tree", calls=1, failed=0))),
    )


def _operates(aimed: Aim) -> bool:
    return aimed.action.syncs or aimed.action is Action.ROLLBACK


def planned(aimed: Aim, application: Application, objects: Sequence[Managed]) -> DeploymentReport:
    """Report what a sync would change."""
    changes = planning.diff(objects)
    foreign = aimed.revision != application.revision
    missing = f"the diff of {aimed.revision}: Argo CD shows that of {application.revision} alone"
    return DeploymentReport(
        action=aimed.action,
        application=application.name,
        previous_revision=aimed.previous_revision,
        revision=aimed.revision,
        sync_status=application.sync_status,
        health_status=application.health,
        operation_phase="" if application.operation is None else str(application.operation.phase),
        message="Nothing would change." if not changes else "A dry run succeeded; the diff says what would change.",
        resources=_resources(application, ()),
        diff=changes if len(changes) <= MOST_DIFF else f"{changes[:MOST_DIFF]}\n[cut]",
        plan_hash=planning.plan_hash(application.name, aimed.revision, changes),
        basis=Basis(
            tools=(_READ, ToolUse(name="argocd.managed-resources", calls=1, failed=0)),
            missing=(missing,) if foreign else (),
        ),
    )


def gone(aimed: Aim) -> DeploymentReport:
    """Report that an application was deleted."""
    told = "The application is deleted; its objects stay in the cluster."
    return DeploymentReport(
        action=aimed.action,
        application=aimed.application,
        previous_revision=aimed.previous_revision,
        message=told,
        basis=Basis(tools=(_READ,)),
    )


def degraded(application: Application, nodes: Sequence[Resource]) -> Permanent:
    """Return the end of a deployment that is there and does not work, with what its objects say."""
    bad = [each for each in _together(application, nodes) if each.health == DEGRADED]
    told = "; ".join(f"{each.kind}/{each.name}: {each.message or 'no message'}" for each in bad)
    return Permanent(
        "argocd:degraded",
        hint="Mend what the objects complain about, or roll back.",
        detail=f"{application.name} is degraded. {told or 'None of its objects says why.'}",
    )


def _resources(application: Application, nodes: Sequence[Resource]) -> tuple[ResourceState, ...]:
    """Return the application's own objects, the first 200; their health stands in the tree since version 3."""
    states = {each.key: each for each in nodes}
    own = [(each, states.get(each.key, each)) for each in application.resources[:MOST_RESOURCES]]
    return tuple(
        ResourceState(
            kind=each.kind,
            name=each.name,
            status=each.status,
            health=each.health or node.health,
            message=each.message or node.message,
        )
        for each, node in own
    )


def _together(application: Application, nodes: Sequence[Resource]) -> list[Resource]:
    """Return all objects once, those of the tree before the same ones of the application."""
    return list({each.key: each for each in (*application.resources, *nodes)}.values())


def finished(
    report: DeploymentReport, calls: Sequence[ToolUse], *, since: datetime | None, now: datetime
) -> DeploymentReport:
    """Return a report with what it took and all that it rests on: calls of the last look and of the change."""
    took = (now - (since or now)) / timedelta(milliseconds=1)
    read = report.basis
    source = Source(
        id=report.application or "applications",
        title=f"Argo CD: {report.application or 'applications'}",
        url=f"/api/v1/applications/{report.application}".rstrip("/"),
        fetched_at=now,
    )
    whole = basis(models=(), tools=(*calls, *read.tools), sources=(source,), missing=read.missing)
    return replace(report, duration_ms=round(took), basis=whole)
