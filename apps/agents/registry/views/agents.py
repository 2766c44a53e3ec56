"""The API of agents. Each view is a gate: parse, authorise, call one service, represent."""

from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import generics, status
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from apps.agents.registry.models import Agent, History
from apps.agents.registry.queries import agents as agent_queries
from apps.agents.registry.queries import listing, policies, scores
from apps.agents.registry.reports import JoinedSerializer, JoiningSerializer
from apps.agents.registry.representations import (
    AgentSerializer,
    PolicySerializer,
    ScoresSerializer,
    TaskAttemptSerializer,
    cards_as_json,
)
from apps.agents.registry.serializers import (
    AgentChangeSerializer,
    AgentParameters,
    HistoryParameters,
    PolicyChangeSerializer,
    ScoreParameters,
)
from apps.agents.registry.services import operating, registration
from apps.agents.registry.views import outside
from apps.projects import queries as projects
from meshsix.kit import clock, names
from meshsix.kit.actor import Door
from meshsix.web.actors import actor_of
from meshsix.web.pagination import CursorPages
from meshsix.web.permissions import Operator, Viewer
from meshsix.web.problems import FieldError, Problem


class AgentPages(CursorPages):
    """Pages of agents, by name."""

    ordering = ("agent_id",)


class AgentList(generics.ListAPIView[Agent]):
    """Who is there, and agents outside that come."""

    serializer_class = AgentSerializer
    pagination_class = AgentPages
    filter_backends = []

    def get_permissions(self) -> list[BasePermission]:
        """Reading is for viewers, coming for agents outside."""
        return [outside.OutsideAgent() if self.request.method == "POST" else Viewer()]

    def get_queryset(self) -> QuerySet[Agent]:
        """Return the agents that were asked for."""
        wanted = AgentParameters.read(self.request)
        return listing.agents(
            status=wanted.get("status", ""), capability=wanted.get("capability", ""), enabled=wanted["enabled"]
        )

    @extend_schema(operation_id="list_agents", parameters=[AgentParameters])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:  # noqa: ANN401 - as DRF calls it
        """List agents by name, with status, open tasks, capabilities and checks, in pages by cursor."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="register_agent",
        request=JoiningSerializer,
        responses={200: JoinedSerializer, 409: outside.TAKEN, 422: outside.INVALID},
    )
    def post(self, request: Request) -> Response:
        """Register an instance of an agent outside with all that it can do; again where something about it changed."""
        return Response(outside.join(request))


def _found(agent_id: str) -> Agent:
    agent = agent_queries.detailed(Agent.objects.filter(pk=agent_id)).first()
    if agent is None:
        raise Http404
    return agent


class AgentDetail(generics.GenericAPIView[Agent]):
    """One agent."""

    serializer_class = AgentSerializer

    def get_permissions(self) -> list[BasePermission]:
        """Reading is for viewers, setting and taking off for operators."""
        return [Viewer() if self.request.method in {"GET", "HEAD", "OPTIONS"} else Operator()]

    @extend_schema(operation_id="get_agent")
    def get(self, request: Request, agent_id: str) -> Response:  # noqa: ARG002 - as DRF calls it
        """Return an agent with status, beat age, capabilities, checks and open tasks."""
        return Response(self.get_serializer(_found(agent_id)).data)

    @extend_schema(operation_id="change_agent", request=AgentChangeSerializer, responses=AgentSerializer)
    def patch(self, request: Request, agent_id: str) -> Response:
        """Set whether and how much work it gets, and how its capabilities are scored."""
        _check_unbound(request)
        given = AgentChangeSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        values = dict(given.validated_data)
        overrides = values.pop("capabilities", [])
        wanted = operating.Change(agent=values, capabilities=overrides)
        try:
            operating.change(agent_id, wanted, actor=actor_of(request, Door.API))
        except Agent.DoesNotExist as error:
            raise Http404 from error
        except operating.NotOffered as error:
            index = [each["name"] for each in overrides].index(error.name)
            wrong = FieldError(pointer=f"/capabilities/{index}/name", code="unknown", detail=str(error))
            raise Problem("invalid", status=422, errors=[wrong]) from error
        return Response(self.get_serializer(_found(agent_id)).data)

    @extend_schema(operation_id="deregister_agent", responses={204: None})
    def delete(self, request: Request, agent_id: str) -> Response:
        """Take an agent off the registry; its history stays. One whose process still runs comes back with a beat."""
        _check_unbound(request)
        if not registration.deregister(agent_id, actor=actor_of(request, Door.API)):
            raise Http404
        return Response(status=status.HTTP_204_NO_CONTENT)


def _check_unbound(request: Request) -> None:
    """Refuse who is bound to projects: an agent works for others as well."""
    if projects.only_project_keys(request.user) is not None:
        raise PermissionDenied("This token is for some projects alone, and agents work for all.")


class HistoryPages(CursorPages):
    """Pages of attempts, the newest first."""

    ordering = ("-id",)


class AgentHistory(generics.ListAPIView[History]):
    """What an agent did."""

    serializer_class = TaskAttemptSerializer
    permission_classes = [Viewer]
    pagination_class = HistoryPages
    filter_backends = []

    def get_queryset(self) -> QuerySet[History]:
        """Return the attempts that the caller may see, filtered."""
        wanted = HistoryParameters.read(self.request)
        agent_id = str(self.kwargs.get("agent_id", ""))
        return listing.history(self.request.user, agent_id, capability=wanted.get("capability", ""))

    @extend_schema(operation_id="list_agent_history", parameters=[HistoryParameters])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:  # noqa: ANN401 - as DRF calls it
        """List its ended attempts, the newest first, in pages by cursor; also of an agent that is gone."""
        return super().get(request, *args, **kwargs)


class Scores(generics.GenericAPIView[Agent]):
    """Who would get a task."""

    serializer_class = ScoresSerializer

    def get_permissions(self) -> list[BasePermission]:
        """Looking is for viewers, changing for operators."""
        return [Viewer() if self.request.method in {"GET", "HEAD", "OPTIONS"} else Operator()]

    @extend_schema(operation_id="score_capability", parameters=[ScoreParameters])
    def get(self, request: Request, capability: str) -> Response:
        """Return all who offer a capability, the best first, by the query of a dispatch; nothing is stored."""
        project = ScoreParameters.read(request)["project"]
        if project:
            _check(request, project)
        now = clock.now()
        cards = scores.candidates(capability, now=now, project=project.lower())
        policy = PolicySerializer(policies.of(capability)).data
        return Response({"results": cards_as_json(cards), "policy": policy, "computed_at": now})

    @extend_schema(operation_id="change_routing", request=PolicyChangeSerializer, responses=PolicySerializer)
    def patch(self, request: Request, capability: str) -> Response:
        """Set how its tasks are routed; of `*`, those of all capabilities that have no policy of their own."""
        _check_unbound(request)
        given = PolicyChangeSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        try:
            row = operating.set_policy(capability, given.validated_data, actor=actor_of(request, Door.API))
        except operating.NoCapability as error:
            raise Http404 from error
        return Response(PolicySerializer(row).data)


def _check(request: Request, project: str) -> None:
    try:
        repository = names.parse_repository(project)
    except names.BadName as error:
        wrong = FieldError(pointer="?project", code="invalid", detail=str(error))
        raise Problem("invalid", errors=[wrong]) from error
    if not projects.may_touch(request.user, repository):
        raise PermissionDenied("This project is not among those that you may touch.")
