"""Agents and tasks in Django's admin: to look at, and to act on through the services."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.agents.registry.models import (
    Agent,
    Capability,
    Check,
    Dispatch,
    History,
    Instance,
    RoutingPolicy,
    Schema,
    Task,
)
from apps.agents.registry.queries.visibility import visible_tasks
from apps.agents.registry.services import approvals, cancelling, operating, submission
from apps.agents.registry.services.operating import Change
from apps.agents.registry.states import NotPossible
from meshsix.kit import clock
from meshsix.kit.actor import Actor
from meshsix.web.admin import Act, ReadOnlyAdmin, action
from meshsix.web.roles import Role


def _link(name: str, key: object) -> SafeString:
    return format_html('<a href="{}">Open</a>', reverse(name, args=[key]))


def _enable(row: Agent, actor: Actor) -> None:
    operating.change(row.pk, Change(agent={"enabled": True}), actor=actor)


def _disable(row: Agent, actor: Actor) -> None:
    operating.change(row.pk, Change(agent={"enabled": False}), actor=actor)


DISABLE = Act(
    name="disable",
    title="Switch off",
    will=lambda _row: "gets no more work; what it is doing it may finish.",
    does=_disable,
    refusals=(Agent.DoesNotExist,),
)
ENABLE = Act(
    name="enable",
    title="Switch on",
    will=lambda _row: "gets work again.",
    does=_enable,
    refusals=(Agent.DoesNotExist,),
)


@admin.register(Agent)
class AgentAdmin(ReadOnlyAdmin):
    """Who there is; the status is as it was published last."""

    seen_by = Role.VIEWER
    list_display = ("agent_id", "status", "enabled", "max_concurrency", "type", "kind", "version", "updated_at", "page")
    list_filter = ("status", "enabled", "type", "kind")
    search_fields = ("agent_id", "title")
    actions = (action(DISABLE), action(ENABLE))

    @admin.display(description="Page")
    def page(self, row: Agent) -> SafeString:
        """Return a link to the agent's page."""
        return _link("agent-page", row.pk)


def _clear(row: Capability, actor: Actor) -> None:
    cleared = {"name": row.name, "override_weight": None, "override_preferred": None}
    operating.change(row.agent_id, Change(capabilities=[cleared]), actor=actor)


def _start_afresh(row: Capability, actor: Actor) -> None:
    afresh = {"name": row.name, "window_since": clock.now()}
    operating.change(row.agent_id, Change(capabilities=[afresh]), actor=actor)


CLEAR = Act(
    name="clear_overrides",
    title="Take back overrides",
    will=lambda row: f"is scored by the weight {row.weight} that {row.agent_id} declares.",
    does=_clear,
    refusals=(Agent.DoesNotExist, operating.NotOffered),
)
AFRESH = Act(
    name="start_afresh",
    title="Give a fresh start",
    will=lambda row: f"is scored as if {row.agent_id} had no history until now.",
    does=_start_afresh,
    refusals=(Agent.DoesNotExist, operating.NotOffered),
)


@admin.register(Capability)
class CapabilityAdmin(ReadOnlyAdmin):
    """What agents offer, as declared and as operators set it."""

    seen_by = Role.VIEWER
    list_display = (
        "agent",
        "name",
        "weight",
        "override_weight",
        "preferred",
        "override_preferred",
        "risk",
        "served_by",
    )
    list_filter = ("risk", "served_by", ("withdrawn_at", admin.EmptyFieldListFilter))
    list_select_related = ("agent",)
    search_fields = ("=agent__agent_id", "name")
    actions = (action(CLEAR), action(AFRESH))


@admin.register(Check)
class CheckAdmin(ReadOnlyAdmin):
    """What agents depend on."""

    seen_by = Role.VIEWER
    list_display = ("agent", "key", "kind", "target", "ok", "checked_at", "duration_ms", "detail")
    list_filter = ("ok", "kind")
    list_select_related = ("agent",)
    search_fields = ("=agent__agent_id", "key", "target")


@admin.register(Instance)
class InstanceAdmin(ReadOnlyAdmin):
    """Processes that work or worked as agents."""

    seen_by = Role.VIEWER
    list_display = ("agent", "instance_id", "host", "version", "last_heartbeat_at", "stopped_at", "stop_reason")
    list_filter = ("stop_reason",)
    list_select_related = ("agent",)
    search_fields = ("=agent__agent_id", "instance_id", "host")


@admin.register(Schema)
class SchemaAdmin(ReadOnlyAdmin):
    """What capabilities take and give, by hash."""

    seen_by = Role.VIEWER
    list_display = ("hash",)
    search_fields = ("=hash",)


@admin.register(RoutingPolicy)
class RoutingPolicyAdmin(ReadOnlyAdmin):
    """By which rules tasks are routed."""

    seen_by = Role.VIEWER
    list_display = ("capability", "exploration_rate", "hysteresis", "spill_ratio", "updated_at")
    search_fields = ("capability",)


def _cancel(row: Task, actor: Actor) -> None:
    cancelling.cancel(row.task_id, actor=actor)


def _retry(row: Task, actor: Actor) -> None:
    submission.retry(row, actor=actor)


def _approve(row: Task, actor: Actor) -> None:
    approvals.approve(row.task_id, agent=row.proposed_agent, actor=actor)


def _reject(row: Task, actor: Actor, reason: str) -> None:
    approvals.reject(row.task_id, agent=row.proposed_agent, actor=actor, reason=reason)


CANCEL = Act(
    name="cancel",
    title="Cancel",
    will=lambda row: f"ends without a result ({row.status} now); a running attempt is told first.",
    does=_cancel,
    refusals=(Task.DoesNotExist, NotPossible),
)
RETRY = Act(
    name="retry",
    title="Retry",
    will=lambda row: f"is asked for once more, as a new task ({row.status} now).",
    does=_retry,
    refusals=(submission.NotEnded,),
)
APPROVE = Act(
    name="approve",
    title="Approve",
    will=lambda row: f"may be done by {row.proposed_agent or 'nobody: no agent is proposed'}.",
    does=_approve,
    refusals=(Task.DoesNotExist, NotPossible, approvals.OwnTask),
    role=Role.APPROVER,
)


REJECT = Act(
    name="reject",
    title="Reject",
    will=lambda row: f"fails: {row.proposed_agent or 'nobody'} may not do it.",
    does=_reject,
    refusals=(Task.DoesNotExist, NotPossible, approvals.OtherAgent),
    role=Role.APPROVER,
    asks="Why, for the requester:",
)


@admin.register(Task)
class TaskAdmin(ReadOnlyAdmin):
    """What was asked of agents."""

    seen_by = Role.VIEWER
    list_display = (
        "created_at",
        "capability",
        "status",
        "dispatched_to",
        "attempts",
        "requested_by",
        "project",
        "page",
    )
    list_filter = ("status",)
    search_fields = ("=task_id", "=capability", "=dispatched_to", "=requested_by", "=project", "=trace_id")
    date_hierarchy = "created_at"
    actions = (action(CANCEL), action(RETRY), action(APPROVE), action(REJECT))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Task]:
        """Return the tasks that the person may see; acts are done to these alone."""
        return visible_tasks(request.user)

    @admin.display(description="Page")
    def page(self, row: Task) -> SafeString:
        """Return a link to the task's page."""
        return _link("task-page", row.pk)


@admin.register(History)
class HistoryAdmin(ReadOnlyAdmin):
    """Attempts that ended."""

    seen_by = Role.VIEWER
    list_display = ("created_at", "agent_id", "capability", "success", "error_type", "duration_ms", "counted", "page")
    list_filter = ("success", "error_type", "counted")
    search_fields = ("=task_id", "=agent_id", "=capability")
    ordering = ("-id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[History]:
        """Return the attempts of tasks that the person may see."""
        return History.objects.filter(task_id__in=visible_tasks(request.user).values("pk"))

    @admin.display(description="Task")
    def page(self, row: History) -> SafeString:
        """Return a link to the task's page."""
        return _link("task-page", row.task_id)


@admin.register(Dispatch)
class DispatchAdmin(ReadOnlyAdmin):
    """Routing decisions, with the cards of all candidates."""

    seen_by = Role.VIEWER
    list_display = ("created_at", "task", "attempt", "chosen_agent", "reason", "page")
    list_select_related = ("task",)
    search_fields = ("=task__task_id", "=chosen_agent")
    ordering = ("-id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Dispatch]:
        """Return the decisions about tasks that the person may see."""
        return Dispatch.objects.filter(task__in=visible_tasks(request.user).values("pk")).defer("cards", "others")

    @admin.display(description="Task")
    def page(self, row: Dispatch) -> SafeString:
        """Return a link to the task's page."""
        return _link("task-page", row.task_id)
