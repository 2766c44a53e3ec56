"""The API of tasks. Each view is a gate: parse, authorise, call one service, represent."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import generics, serializers, status
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from apps.agents.registry.models import Task
from apps.agents.registry.models.tasks import LARGE
from apps.agents.registry.queries import listing
from apps.agents.registry.queries import tasks as task_queries
from apps.agents.registry.queries.visibility import visible_tasks
from apps.agents.registry.queries.why import why
from apps.agents.registry.representations import (
    TaskAcceptedSerializer,
    TaskAttemptSerializer,
    TaskAttemptsSerializer,
    TaskDetailSerializer,
    TaskSerializer,
    WhySerializer,
    accepted,
    decisions_as_json,
)
from apps.agents.registry.serializers import (
    ApprovalSerializer,
    NothingSerializer,
    RejectionSerializer,
    TaskParameters,
    TaskRequestSerializer,
    WhyParameters,
    asked,
    request_from,
)
from apps.agents.registry.services import approvals, cancelling, previewing, submission
from apps.agents.registry.states import NotPossible
from apps.projects import queries as projects
from meshsix.kit import names
from meshsix.kit.actor import Door
from meshsix.web.actors import actor_of
from meshsix.web.idempotency import once
from meshsix.web.pagination import CursorPages
from meshsix.web.permissions import Approver, Operator, Viewer
from meshsix.web.problems import FieldError, Problem

_KEY = re.compile(r"[\x21-\x7e]{1,200}")
_CONFLICT = OpenApiResponse(description="Not in the state that the task is in; `code` and `hint` say why.")
_INVALID = OpenApiResponse(description="The payload, changed to show it, cannot be taken; by field.")
_KEY_HEADER = OpenApiParameter(
    "Idempotency-Key", str, OpenApiParameter.HEADER, description="A repeat answers 200 with the first task."
)


class TaskPages(CursorPages):
    """Pages of tasks, in the order of the index."""

    ordering = ("-created_at", "-task_id")


class TaskList(generics.ListCreateAPIView[Task]):
    """All tasks, and asking for a new one."""

    serializer_class = TaskSerializer
    pagination_class = TaskPages
    filter_backends = []

    @property
    def throttle_scope(self) -> str:
        """Asking is counted apart from other writes."""
        return "trigger" if self.request.method == "POST" else "read"

    def get_permissions(self) -> list[BasePermission]:
        """Reading is for viewers, asking for operators."""
        return [Operator() if self.request.method == "POST" else Viewer()]

    def get_queryset(self) -> QuerySet[Task]:
        """Return the rows that the caller may see, filtered."""
        return listing.tasks(self.request.user, asked(TaskParameters.read(self.request))).defer(*LARGE)

    @extend_schema(operation_id="list_tasks", parameters=[TaskParameters])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:  # noqa: ANN401 - as DRF calls it
        """List tasks, the newest first, in pages by cursor."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="submit_task",
        request=TaskRequestSerializer,
        parameters=[_KEY_HEADER],
        responses={
            202: TaskAcceptedSerializer,
            200: TaskAcceptedSerializer,
            409: OpenApiResponse(description="The Idempotency-Key was used with another body."),
            422: OpenApiResponse(description="Every agent rejects the payload, or it holds a secret; by field."),
        },
    )
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:  # noqa: ANN401, ARG002 - as DRF calls it
        """Ask for a task by capability; it goes to the best agent at once, or waits for one."""
        given = TaskRequestSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        _check_project(request, given.validated_data["project"])
        made = _submitted(request, request_from(given.validated_data, idempotency_key=_key(request)))
        code = status.HTTP_202_ACCEPTED if made.is_new else status.HTTP_200_OK
        return _accepted(made.task, code)


def _key(request: Request) -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not _KEY.fullmatch(key):
        wrong = FieldError(pointer="#Idempotency-Key", code="invalid", detail="1 to 200 visible ASCII characters.")
        raise Problem("invalid", errors=[wrong])
    return key


def _check_project(request: Request, project: str) -> None:
    """Refuse work on a project that the caller may not touch, and work without one to who is bound to projects."""
    if project and not projects.may_touch(request.user, names.parse_repository(project)):
        raise PermissionDenied("This project is not among those that you may touch.")
    if not project and projects.only_project_keys(request.user) is not None:
        raise PermissionDenied("This token is for some projects alone: name one of them in `project`.")


def _submitted(request: Request, wanted: Any) -> submission.Submitted:  # noqa: ANN401 - a Request of the registry
    try:
        return submission.submit(wanted, actor=actor_of(request, Door.API))
    except submission.Invalid as error:
        raise _by_field(error) from error
    except submission.KeyReused as error:
        facts = {"task_id": str(error.task.task_id)}
        raise Problem("idempotency_conflict", status=409, detail=str(error), facts=facts) from error


def _by_field(error: submission.Invalid) -> Problem:
    faults = [FieldError(pointer=each.pointer, code=each.code, detail=each.detail) for each in error.faults]
    return Problem("invalid", status=422, errors=faults)


def _accepted(task: Task, code: int) -> Response:
    facts = accepted(task)
    return Response(facts, status=code, headers={"Location": facts["url"]})


def _visible(request: Request, task_id: UUID) -> Task:
    task = visible_tasks(request.user).filter(pk=task_id).first()
    if task is None:
        raise Http404
    return task


class TaskDetail(generics.GenericAPIView[Task]):
    """One task."""

    serializer_class = TaskDetailSerializer
    permission_classes = [Viewer]

    @extend_schema(operation_id="get_task")
    def get(self, request: Request, task_id: UUID) -> Response:
        """Return a task with payload, result, error, and what it waits for until when."""
        return Response(TaskDetailSerializer(_visible(request, task_id)).data)


class TaskAttempts(generics.GenericAPIView[Task]):
    """What was tried."""

    serializer_class = TaskAttemptsSerializer
    permission_classes = [Viewer]

    @extend_schema(operation_id="list_task_attempts", responses=TaskAttemptsSerializer)
    def get(self, request: Request, task_id: UUID) -> Response:
        """List the attempts that ended, the oldest first."""
        rows = task_queries.attempts(_visible(request, task_id).task_id)
        return Response({"results": TaskAttemptSerializer(rows, many=True).data})


class TaskWhy(generics.GenericAPIView[Task]):
    """Why it went to whom it went."""

    serializer_class = WhySerializer
    permission_classes = [Viewer]

    @extend_schema(operation_id="explain_task", parameters=[WhyParameters])
    def get(self, request: Request, task_id: UUID) -> Response:
        """Return each routing decision as it was made then, about all candidates or one agent."""
        wanted = WhyParameters.read(request)
        task = _visible(request, task_id)
        told = why(task, agent_id=wanted["agent_id"])
        facts = {"task_id": str(task.task_id), "status": task.status, "wait_reason": task.wait_reason}
        return Response({**facts, "dispatches": decisions_as_json(told)})


class TaskAct(ABC, generics.GenericAPIView[Task]):
    """An act on a task; a subclass says which."""

    serializer_class: type[serializers.Serializer[Any]] = NothingSerializer
    permission_classes = [Operator]

    @abstractmethod
    def act(self, request: Request, task: Task, given: dict[str, Any]) -> Task:
        """Call the one service of this act."""

    def post(self, request: Request, task_id: UUID) -> Response:
        """Do it, and return the task as it then is."""
        task = _visible(request, task_id)
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        try:
            done = self.act(request, task, serializer.validated_data)
        except (NotPossible, submission.NotEnded) as error:
            raise Problem("tasks:not-now", status=409, detail=str(error)) from error
        except approvals.OtherAgent as error:
            raise Problem("tasks:other-agent", status=409) from error
        except previewing.NoPreview as error:
            raise Problem("tasks:no-preview", status=409, detail=str(error)) from error
        except approvals.OwnTask as error:
            raise Problem("tasks:own-task", status=403) from error
        except submission.Invalid as error:
            raise _by_field(error) from error
        return _accepted(done, status.HTTP_202_ACCEPTED)


def _once(request: Request, make: Callable[[], Task]) -> Task:
    """Return the task that `make` makes, or made when the request was sent first."""
    return _visible(request, UUID(once(request, lambda: str(make().task_id)).resource_id))


def _act_schema(
    name: str, request: type[serializers.Serializer[Any]] | None = None, *, invalid: OpenApiResponse | None = None
) -> Any:  # noqa: ANN401 - a decorator
    answers = {202: TaskAcceptedSerializer, 409: _CONFLICT} | ({422: invalid} if invalid else {})
    return extend_schema_view(post=extend_schema(operation_id=name, request=request, responses=answers))


@_act_schema("cancel_task")
class TaskCancel(TaskAct):
    """End a task; a running attempt is told first."""

    def act(self, request: Request, task: Task, given: dict[str, Any]) -> Task:  # noqa: ARG002 - it takes nothing
        """Cancel it."""
        return cancelling.cancel(task.task_id, actor=actor_of(request, Door.API))


@_act_schema("retry_task")
class TaskRetry(TaskAct):
    """Ask for the same once more, as a new task; an `Idempotency-Key` makes it one however often it is sent."""

    throttle_scope = "trigger"

    def act(self, request: Request, task: Task, given: dict[str, Any]) -> Task:  # noqa: ARG002 - it takes nothing
        """Retry it."""
        actor = actor_of(request, Door.API)
        return _once(request, lambda: submission.retry(task, actor=actor))


@_act_schema("approve_task", ApprovalSerializer)
class TaskApprove(TaskAct):
    """Let the proposed agent do it."""

    serializer_class = ApprovalSerializer
    permission_classes = [Approver]

    def act(self, request: Request, task: Task, given: dict[str, Any]) -> Task:
        """Approve it."""
        return approvals.approve(task.task_id, agent=given["agent"], actor=actor_of(request, Door.API))


@_act_schema("preview_task", ApprovalSerializer, invalid=_INVALID)
class TaskPreview(TaskAct):
    """Let the proposed agent show what it would do; answers with the task whose result shows it.

    An `Idempotency-Key` makes it one however often it is sent.
    """

    serializer_class = ApprovalSerializer
    permission_classes = [Approver]
    throttle_scope = "trigger"

    def act(self, request: Request, task: Task, given: dict[str, Any]) -> Task:
        """Show it."""
        actor = actor_of(request, Door.API)
        return _once(request, lambda: previewing.preview(task.task_id, agent=given["agent"], actor=actor))


@_act_schema("reject_task", RejectionSerializer)
class TaskReject(TaskAct):
    """Say no to the proposed agent: the task fails."""

    serializer_class = RejectionSerializer
    permission_classes = [Approver]

    def act(self, request: Request, task: Task, given: dict[str, Any]) -> Task:
        """Reject it."""
        return approvals.reject(task.task_id, actor=actor_of(request, Door.API), **given)
