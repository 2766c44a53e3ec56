"""The tasks for which a person must say yes or no (named in settings.DECISION_SOURCES)."""

from collections.abc import Iterator

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.urls import reverse

from apps.agents.registry.models import Task
from apps.agents.registry.models.tasks import LARGE
from apps.agents.registry.queries.visibility import visible_tasks
from apps.agents.registry.states import TaskState
from apps.decisions.inbox import Act, Decision, Kind
from meshsix.web.roles import Role


def waiting(user: AbstractBaseUser | AnonymousUser) -> Iterator[Decision]:
    """Yield the approvals that are open, of the tasks that `user` may see."""
    rows = visible_tasks(user).filter(status=TaskState.AWAITING_APPROVAL).defer(*LARGE)
    return (_decision(task) for task in rows)


def _decision(task: Task) -> Decision:
    agent = {"agent": {"const": task.proposed_agent}}
    return Decision(
        id=f"{Kind.APPROVAL}:{task.pk}",
        kind=Kind.APPROVAL,
        project=task.project,
        subject=f"May {task.proposed_agent} do {task.capability}?",
        asked_by=task.requested_by,
        since=task.updated_at,
        until=task.wait_until,
        at_deadline="The task fails; it can be retried.",
        who=Role.APPROVER,
        not_by="" if settings.APPROVE_OWN_TASKS else task.requested_by,
        inputs_sha256=task.request_sha256,
        act=Act(
            method="POST",
            url=reverse("task-api-approve", args=[task.pk]),
            schema={"type": "object", "required": ["agent"], "additionalProperties": False, "properties": agent},
        ),
        page=reverse("task-page", args=[task.pk]),
    )
