"""The API of projects and their boards. Each view is a gate: parse, authorise, ask, represent."""

from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.projects.boards import queries
from apps.projects.boards.models import BoardCard
from apps.projects.boards.representations import (
    CardParameters,
    CardSerializer,
    ProjectDetailSerializer,
    ProjectHealthSerializer,
    ProjectParameters,
    as_json,
    detail_as_json,
)
from apps.projects.models import Project
from apps.projects.queries import visible_projects
from meshsix.web.pagination import CursorPages
from meshsix.web.permissions import Viewer


class ByAge(CursorPages):
    """The newest first, by their ids, which begin with the time."""

    ordering = "-id"


class ProjectList(generics.ListAPIView[Project]):
    """Projects."""

    serializer_class = ProjectHealthSerializer
    permission_classes = [Viewer]
    pagination_class = ByAge
    filter_backends = []

    @extend_schema(operation_id="list_projects", parameters=[ProjectParameters])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:  # noqa: ANN401, ARG002 - as DRF calls it
        """List the projects that you may see and how they stand, the newest first, in pages by cursor."""
        asked = ProjectParameters.read(request)
        rows = queries.listed(
            visible_projects(request.user), words=asked["q"], status=asked["status"], mode=asked["execution_mode"]
        )
        page: list[Project] = self.paginate_queryset(rows) or []
        return self.get_paginated_response([as_json(view) for view in queries.views(page)])


class ProjectDetail(APIView):
    """One project."""

    permission_classes = [Viewer]

    @extend_schema(operation_id="get_project", responses=ProjectDetailSerializer)
    def get(self, request: Request, owner: str, repo: str) -> Response:
        """Return a project: how its hook, board and environment stand, and how many cards each column has."""
        project = visible(request, owner, repo)
        (view,) = queries.views([project])
        return Response(detail_as_json(view, queries.kanban(project)))


class Board(generics.ListAPIView[BoardCard]):
    """The mirror of a project's board."""

    serializer_class = CardSerializer
    permission_classes = [Viewer]
    pagination_class = ByAge
    filter_backends = []
    queryset = BoardCard.objects.none()

    @extend_schema(operation_id="list_board_cards", parameters=[CardParameters])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:  # noqa: ANN401 - as DRF calls it
        """List the cards on the project's board as GitHub was last seen to have them, in pages by cursor."""
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[BoardCard]:
        """Return the cards of the project, filtered."""
        asked = CardParameters.read(self.request)
        project = visible(self.request, self.kwargs["owner"], self.kwargs["repo"])
        filters = {name: asked[name] for name in ("column", "content", "issue") if name in asked}
        return queries.cards(project).filter(**filters)


def visible(request: Request, owner: str, repo: str) -> Project:
    """Return the project with its parts. Raises Http404 where there is none or the caller may not see it."""
    rows = visible_projects(request.user).filter(owner__iexact=owner, name__iexact=repo)
    project = queries.with_parts(rows).first()
    if project is None:
        raise Http404
    return project
