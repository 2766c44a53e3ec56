"""The pages of tasks: the feed, one task with all that explains it, and its acts as plain forms."""

import json
from collections.abc import Callable, Mapping
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from apps.agents.registry.models import Task
from apps.agents.registry.models.tasks import LARGE
from apps.agents.registry.queries import listing, records
from apps.agents.registry.queries import tasks as task_queries
from apps.agents.registry.queries.listing import Asked
from apps.agents.registry.queries.visibility import visible_tasks
from apps.agents.registry.queries.why import why
from apps.agents.registry.services import approvals, cancelling, news, previewing, submission
from apps.agents.registry.states import ENDED, OPEN, NotPossible, TaskState
from apps.projects.queries import visible_projects
from meshsix.kit import redact
from meshsix.kit.actor import Actor, Door
from meshsix.live.queries import last_of, last_seq, latest_events
from meshsix.web import download
from meshsix.web.actors import actor_of
from meshsix.web.pages import needs_role
from meshsix.web.roles import Role, may

_ROWS = 50
_PROJECTS = 200
_DECISIONS = 20
_EVENTS = 200
_PREVIEWS = 5
_LONGEST_SHOWN = 20_000
_LONGEST_NOTE = 500
_COLUMNS = (
    "task_id",
    "created_at",
    "capability",
    "status",
    "dispatched_to",
    "attempts",
    "priority",
    "project",
    "requested_by",
    "wait_reason",
    "completed_at",
)
_FILTERS = ("status", "capability", "agent", "project", "requester")


@require_GET
@needs_role(Role.VIEWER)
def task_list(request: HttpRequest) -> HttpResponse:
    """Show the tasks, the newest first, filtered by the address."""
    given = {name: request.GET.get(name, "").replace("\0", "").strip() for name in _FILTERS}
    seq = last_seq()  # read before the rows: what is newer is fetched again
    rows = listing.tasks(request.user, _asked(given)).defer(*LARGE)
    edge = request.GET.get("before", "")
    found = list(records.before(rows, _uuid(edge))[: _ROWS + 1])
    if download.is_asked(request):
        return download.answer(request, "tasks", _COLUMNS, map(vars, found[:_ROWS]))
    context = {
        "rows": found[:_ROWS],
        "older": str(found[_ROWS - 1].pk) if len(found) > _ROWS else "",
        "is_first_page": not edge,
        "asked": given,
        "is_filtered": any(given.values()),
        "states": list(TaskState),
        "capabilities": records.capability_names(),
        "agents": records.agent_names(),
        "projects": [project.full_name for project in visible_projects(request.user)[:_PROJECTS]],
        "seq": seq,
    }
    return render(request, _template(request, "list"), context)


def _asked(given: Mapping[str, str]) -> Asked:
    return Asked(
        status=given["status"],
        capability=given["capability"],
        agent=given["agent"],
        project=given["project"],
        requester=given["requester"],
    )


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


@require_GET
@needs_role(Role.VIEWER)
def task_page(request: HttpRequest, task_id: UUID) -> HttpResponse:
    """Show one task: where it stands, its attempts, why it went to whom, what it was asked and gave."""
    aggregate = news.aggregate(task_id)
    seq = last_of(aggregate)  # read before the page's own data
    task = _visible(request, task_id)
    context = {
        "task": task,
        "attempts": list(task_queries.attempts(task_id)),
        "decisions": why(task, most=_DECISIONS)[::-1],
        "payload": _pretty(task.payload),
        "result": _pretty(task.result),
        "events": latest_events(aggregate, most=_EVENTS),
        "is_open": task.status in OPEN,
        "is_ended": task.status in ENDED,
        "is_own": task.requested_by == request.user.get_username() and not settings.APPROVE_OWN_TASKS,
        "may_approve": task.status == TaskState.AWAITING_APPROVAL and may(request.user, Role.APPROVER),
        **_to_decide_by(task),
        "aggregate": aggregate,
        "seq": seq,
    }
    return render(request, _template(request, "page"), context)


def _to_decide_by(task: Task) -> dict[str, object]:
    """Return what helps a person to approve: whether the agent can show what it would do, and what it showed."""
    if task.status != TaskState.AWAITING_APPROVAL:
        return {}
    return {"may_preview": previewing.change_of(task) is not None, "previews": previewing.previews(task)[:_PREVIEWS]}


def _pretty(value: object) -> str:
    """Return JSON to be read, without what looks like a secret; of a very long one the beginning."""
    if value is None:
        return ""
    text = json.dumps(redact.structure(value), indent=2, ensure_ascii=False)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}\n…"


def _visible(request: HttpRequest, task_id: UUID) -> Task:
    task = visible_tasks(request.user).filter(pk=task_id).first()
    if task is None:
        raise Http404
    return task


@require_POST
@needs_role(Role.OPERATOR)
def cancel(request: HttpRequest, task_id: UUID) -> HttpResponse:
    """End a task; a running attempt is told first."""
    return _act(request, task_id, _cancel)


def _cancel(task: Task, actor: Actor) -> str:
    ended = cancelling.cancel(task.task_id, actor=actor).status in ENDED
    return "It is cancelled." if ended else "The agent is told; what has not ended in 30 seconds is ended."


@require_POST
@needs_role(Role.OPERATOR)
def retry(request: HttpRequest, task_id: UUID) -> HttpResponse:
    """Ask for the same once more, as a new task; show that one."""
    task = _visible(request, task_id)
    try:
        fresh = submission.retry(task, actor=actor_of(request, Door.UI))
    except submission.NotEnded as error:
        messages.warning(request, str(error))
        return redirect("task-page", task_id)
    messages.success(request, "This is the same once more, as a new task.")
    return redirect("task-page", fresh.task_id)


@require_POST
@needs_role(Role.APPROVER)
def approve(request: HttpRequest, task_id: UUID) -> HttpResponse:
    """Let the proposed agent do it, if it still is the one that the person saw."""
    agent = request.POST.get("agent", "")

    def does(task: Task, actor: Actor) -> str:
        approvals.approve(task.task_id, agent=agent, actor=actor)
        return f"{agent} may do it."

    return _act(request, task_id, does)


@require_POST
@needs_role(Role.APPROVER)
def preview(request: HttpRequest, task_id: UUID) -> HttpResponse:
    """Let the proposed agent show what it would do; show that task."""
    task = _visible(request, task_id)
    agent = request.POST.get("agent", "")
    try:
        shown = previewing.preview(task.task_id, agent=agent, actor=actor_of(request, Door.UI))
    except (NotPossible, approvals.OtherAgent, previewing.NoPreview) as error:
        messages.warning(request, str(error))
        return redirect("task-page", task_id)
    except submission.Invalid as error:
        messages.warning(request, f"{agent} cannot show it with this payload: {error}")
        return redirect("task-page", task_id)
    messages.success(request, f"{agent} shows here what it would do, and changes nothing.")
    return redirect("task-page", shown.task_id)


@require_POST
@needs_role(Role.APPROVER)
def reject(request: HttpRequest, task_id: UUID) -> HttpResponse:
    """Say no to the proposed agent, with a reason: the task fails."""
    reason = request.POST.get("reason", "").replace("\0", "").strip()[:_LONGEST_NOTE]
    if not reason:
        messages.warning(request, "Nothing was rejected: say why, so that the requester knows what to change.")
        return redirect("task-page", task_id)

    def does(task: Task, actor: Actor) -> str:
        approvals.reject(task.task_id, agent=request.POST.get("agent", ""), actor=actor, reason=reason)
        return "It is rejected, and the task has failed."

    return _act(request, task_id, does)


def _act(request: HttpRequest, task_id: UUID, does: Callable[[Task, Actor], str]) -> HttpResponse:
    """Do it and say so; what cannot be done any more is said too."""
    task = _visible(request, task_id)
    try:
        messages.success(request, does(task, actor_of(request, Door.UI)))
    except NotPossible as error:
        messages.warning(request, f"{error} Somebody or something else was faster.")
    except (approvals.OwnTask, approvals.OtherAgent) as error:
        messages.warning(request, str(error))
    return redirect("task-page", task_id)


def _template(request: HttpRequest, name: str) -> str:
    """Return the whole page, or its live part where a script asks for it again."""
    part = "_live" if request.headers.get("HX-Request") == "true" else ""
    return f"web/tasks/{name}{part}.html"
