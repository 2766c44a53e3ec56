"""The API of memories. Each view is a gate: parse, authorise, call one service, represent."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import generics, status
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.agents.llm.words import Work
from apps.agents.memory import listing, services
from apps.agents.memory.models import Memory
from apps.agents.memory.scopes import Scope
from apps.agents.memory.serializers import (
    ForgetParameters,
    ForgottenSerializer,
    MemoryParameters,
    MemoryRequestSerializer,
    MemorySerializer,
    asked_from,
)
from apps.projects import queries as projects
from meshsix.kit import clock, names
from meshsix.kit.actor import Door
from meshsix.web.actors import actor_of
from meshsix.web.pagination import CursorPages, limit
from meshsix.web.permissions import Admin, Operator, Scoped, Viewer
from meshsix.web.problems import Problem
from meshsix.web.roles import Role, token_may
from meshsix.wiring import clients

_PATIENCE = timedelta(seconds=5)
"""How long a request waits for a model's vector; without one the memory is found by its words."""


class MemoryPages(CursorPages):
    """Pages of memories, in the order of the index."""

    ordering = ("-created_at", "-id")


class MemoryList(generics.ListAPIView[Memory]):
    """All memories."""

    serializer_class = MemorySerializer
    pagination_class = MemoryPages
    filter_backends = []

    def get_permissions(self) -> list[BasePermission]:
        """Looking, and forgetting oneself, is for viewers, adding for operators."""
        return [Operator() if self.request.method == "POST" else Viewer()]

    def get_queryset(self) -> QuerySet[Memory]:
        """Return the memories that the caller may see, filtered."""
        return listing.asked(self.request.user, asked_from(MemoryParameters.read(self.request)))

    @extend_schema(operation_id="list_memories", parameters=[MemoryParameters])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:  # noqa: ANN401 - as DRF calls it
        """List memories, the newest first, in pages by cursor; with `query` those nearest to it by words, in one."""
        wanted = MemoryParameters.read(request)
        if not wanted.get("query"):
            return super().get(request, *args, **kwargs)
        most = limit(request, default=50, most=200)
        found = listing.nearest(self.get_queryset(), wanted["query"], most=most)
        return Response({"next": None, "previous": None, "results": MemorySerializer(found, many=True).data})

    @extend_schema(
        operation_id="add_memory",
        request=MemoryRequestSerializer,
        responses={201: MemorySerializer, 200: MemorySerializer},
    )
    def post(self, request: Request) -> Response:
        """Remember something for a project, an issue, an agent or all; 200 where the same words are kept already."""
        given = MemoryRequestSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        values = given.validated_data
        _check_project(request, values["project"])
        _check_scope(request, Scope(values["scope"]))
        added = services.add(
            values["content"],
            scope=Scope(values["scope"]),
            work=_work(request, values),
            subject=values["subject"],
            clients=clients(),
            actor=actor_of(request, Door.API),
        )
        if added is None:
            raise Problem("unavailable", status=503, detail="The memory could not be kept.")
        code = status.HTTP_201_CREATED if added.is_new else status.HTTP_200_OK
        return Response(MemorySerializer(added.memory).data, status=code)

    @extend_schema(operation_id="forget_person", parameters=[ForgetParameters], responses=ForgottenSerializer)
    def delete(self, request: Request) -> Response:
        """Forget all that is about a person, wherever it comes from; for that person and for admins."""
        subject = ForgetParameters.read(request)["subject"]
        unbound = projects.only_project_keys(request.user) is None
        own, admin = _is_own(request, subject), Admin().has_permission(request, self)
        if not unbound or not (own or admin):
            raise PermissionDenied("Only the person and admins may do that, by no token of single projects or to read.")
        forgotten = services.forget_person(subject, everywhere=admin, actor=actor_of(request, Door.API))
        return Response({"forgotten": forgotten})


def _is_own(request: Request, subject: str) -> bool:
    """Return whether the caller may change what is about this person: themselves, or one whom they ask for."""
    name = request.user.get_username()
    return (subject == name or subject.startswith(f"{name}/")) and _may_change(request)


def _may_change(request: Request) -> bool:
    """Return whether the caller came without a token, or by one that is for more than reading."""
    if not isinstance(request.auth, Scoped):
        return True
    scopes = frozenset(request.auth.scopes)
    return token_may(scopes, Role.OPERATOR) or token_may(scopes, Role.APPROVER)


def _check_project(request: Request, project: str) -> None:
    """Refuse memories of a project that the caller may not touch, and ones without to who is bound to projects."""
    if project and not projects.may_touch(request.user, names.parse_repository(project)):
        raise PermissionDenied("This project is not among those that you may touch.")
    if not project and projects.only_project_keys(request.user) is not None:
        raise PermissionDenied("This token is for some projects alone: name one of them in `project`.")


def _check_scope(request: Request, scope: Scope) -> None:
    """Refuse what work of other projects would read to who is bound to projects."""
    if scope not in {Scope.TASK, Scope.PROJECT} and projects.only_project_keys(request.user) is not None:
        raise PermissionDenied("This token is for some projects alone: use the scope project or task.")


def _work(request: Request, values: Mapping[str, Any]) -> Work:
    issue = f"{values['project']}#{values['issue']}" if values["issue"] else ""
    return Work(
        agent_id=values["agent_id"],
        project=values["project"],
        issue=issue,
        requested_by=request.user.get_username(),
        deadline=clock.now() + _PATIENCE,
    )


class MemoryDetail(APIView):
    """One memory."""

    permission_classes = [Viewer]

    @extend_schema(operation_id="forget_memory", responses={204: None})
    def delete(self, request: Request, memory_id: UUID) -> Response:
        """Forget one memory: for operators, and for the person whom it is about."""
        row = listing.visible(request.user).filter(pk=memory_id).first()
        if row is None:
            raise Http404
        if not _is_own(request, row.subject) and not Operator().has_permission(request, self):
            raise PermissionDenied(Operator().message)
        services.forget(memory_id, actor=actor_of(request, Door.API))
        return Response(status=status.HTTP_204_NO_CONTENT)
