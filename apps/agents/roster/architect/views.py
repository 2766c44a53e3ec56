"""The architect's log by REST. The view is a gate: parse, authorise, read, represent."""

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

from apps.agents.roster.architect import queries
from apps.agents.roster.architect.issues import Issue
from apps.agents.roster.architect.representations import (
    ArchitectEntrySerializer,
    ArchitectHistorySerializer,
    HistoryParameters,
)
from apps.projects import queries as projects
from meshsix.kit import names
from meshsix.web.permissions import Viewer


class History(APIView):
    """What the architect has said and heard about one issue."""

    permission_classes = [Viewer]

    @extend_schema(
        operation_id="get_architect_history", parameters=[HistoryParameters], responses=ArchitectHistorySerializer
    )
    def get(self, request: Request, owner: str, repo: str, number: int) -> Response:
        """List the log of an issue behind its entry `after`, the oldest first, for who may see the project."""
        asked = HistoryParameters.read(request)
        issue = _visible(request, owner, repo, number)
        rows = list(queries.history(issue, after=asked["after"])[: asked["limit"] + 1])
        page = rows[: asked["limit"]]
        following = replace_query_param(request.build_absolute_uri(), "after", page[-1].number) if page else None
        facts = {"actor_id": issue.actor_id, "results": ArchitectEntrySerializer(page, many=True).data}
        return Response({**facts, "next": following if len(rows) > len(page) else None})


def _visible(request: Request, owner: str, repo: str, number: int) -> Issue:
    """Return the issue, if the caller may see its project."""
    try:
        repository = names.repository(owner, repo)
        issue = Issue.of(repository, number)
    except names.BadName as error:
        raise Http404 from error
    if not projects.visible_projects(request.user).filter(owner__iexact=owner, name__iexact=repo).exists():
        raise Http404
    return issue
