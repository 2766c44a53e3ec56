"""The API for agents outside. Each view is a gate: parse, look whose token it is, call one service, represent."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.db import connection
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.agents.registry.definitions import BadDefinition
from apps.agents.registry.reports import (
    BeatSerializer,
    HeardSerializer,
    JoiningSerializer,
    LeaseRequestSerializer,
    LeasesSerializer,
    ProgressAnswerSerializer,
    ProgressSerializer,
    ResultAnswerSerializer,
    ResultSerializer,
    definition_from,
    lease_as_json,
    report_from,
    works,
    works_as_json,
)
from apps.agents.registry.services import outside
from apps.agents.registry.services.outside import Grant
from apps.agents.registry.states import BEAT_EVERY
from apps.projects import queries as projects
from apps.projects.credentials.models import AccessToken, Scope
from meshsix.integrations.errors import VendorError
from meshsix.kit.actor import Actor, ActorKind, Door
from meshsix.web.problems import FieldError, Problem
from meshsix.wiring import clients

LOOK_EVERY_SECONDS = 1.0
_CONFLICT = OpenApiResponse(description="Not registered, not current or not leased; `code` and `hint` say which.")
TAKEN = OpenApiResponse(description="The name is that of an agent of the deployment itself.")
INVALID = OpenApiResponse(description="What is wrong with the definition, by field.")


class OutsideAgent(BasePermission):
    """An agent outside, by a token that is for nothing else."""

    message = "This needs a token of the agent: `manage.py createagenttoken`."
    code = "forbidden"

    def has_permission(self, request: Request, view: APIView) -> bool:  # noqa: ARG002 - DRF's signature
        """Return whether the caller's token is one of an agent."""
        return isinstance(request.auth, AccessToken) and Scope.AGENT in request.auth.scopes


def _grant(request: Request, agent_id: str | None = None) -> Grant:
    """Return what the token allows. Raises PermissionDenied where it is another agent's."""
    token = request.auth
    if not isinstance(token, AccessToken) or agent_id not in {None, token.agent_id}:
        raise PermissionDenied("This token is for another agent.")
    only = projects.only_project_keys(request.user)
    return Grant(
        agent_id=token.agent_id,
        capabilities=frozenset(token.capabilities),
        projects=None if only is None else frozenset(only),
    )


def _actor(request: Request, grant: Grant) -> Actor:
    request_id = getattr(request, "request_id", "")
    return Actor(kind=ActorKind.AGENT, name=grant.agent_id, door=Door.API, request_id=request_id)


@contextmanager
def _told_as_problems() -> Iterator[None]:
    """Turn what the service refuses into answers."""
    try:
        yield
    except outside.NotYours as error:
        raise PermissionDenied(str(error)) from error
    except outside.Taken as error:
        raise Problem("agents:taken", status=409, detail=str(error)) from error
    except outside.NotJoined as error:
        raise Problem("agents:not-joined", status=409, detail=str(error)) from error
    except outside.NotLeased as error:
        raise Problem("tasks:not-now", status=409, detail=str(error)) from error
    except outside.TooLate as error:
        raise Problem("tasks:late-result", status=409, detail=str(error)) from error
    except BadDefinition as error:
        faults = [FieldError(pointer=each.pointer, code=each.code, detail=each.detail) for each in error.faults]
        raise Problem("invalid", status=422, errors=faults) from error
    except VendorError as error:
        raise Problem("unavailable", status=HTTPStatus.SERVICE_UNAVAILABLE, detail=str(error)) from error


def join(request: Request) -> dict[str, Any]:
    """Register what the body describes; return the answer. Raises PermissionDenied, Problem."""
    given = JoiningSerializer(data=request.data)
    given.is_valid(raise_exception=True)
    values, grant = given.validated_data, _grant(request)
    with _told_as_problems():
        done = outside.join(
            definition_from(values),
            instance_id=values["instance_id"],
            host=values["host"],
            grant=grant,
            actor=_actor(request, grant),
        )
    return {
        "agent_id": done.agent_id,
        "instance_id": values["instance_id"],
        "changed": done.changed,
        "returned": done.returned,
        "beat_every_seconds": int(BEAT_EVERY.total_seconds()),
    }


class Leases(APIView):
    """Tasks for an agent."""

    permission_classes = [OutsideAgent]

    @extend_schema(
        operation_id="lease_tasks",
        request=LeaseRequestSerializer,
        responses={200: LeasesSerializer, 409: _CONFLICT},
    )
    def post(self, request: Request, agent_id: str) -> Response:
        """Take tasks that were given to the agent: their time runs. Waits for the first, at most 20 s."""
        given = LeaseRequestSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        values, grant = given.validated_data, _grant(request, agent_id)
        instance_id, end = values["instance_id"], time.monotonic() + values["wait_seconds"]
        with _told_as_problems():
            outside.beat(grant, instance_id)
            lost = outside.forgotten(grant, instance_id, works(values["running"])) if "running" in values else []
            taken = lost or outside.lease(grant, instance_id, most=values["max"])
            while not taken and time.monotonic() < end:
                connection.close()  # who waits holds none
                time.sleep(LOOK_EVERY_SECONDS)
                taken = outside.lease(grant, instance_id, most=values["max"])
        answer = {"leases": [lease_as_json(task) for task in taken[: values["max"]]]}
        return Response(LeasesSerializer(answer).data)


class Beat(APIView):
    """An instance lives."""

    permission_classes = [OutsideAgent]

    @extend_schema(operation_id="beat_agent", request=BeatSerializer, responses={200: HeardSerializer, 409: _CONFLICT})
    def post(self, request: Request, agent_id: str) -> Response:
        """Say that an instance lives and what it works on; hear what to end and what to forget."""
        given = BeatSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        grant = _grant(request, agent_id)
        with _told_as_problems():
            heard = outside.hear(grant, given.validated_data["instance_id"], works(given.validated_data["running"]))
        return Response({"cancel": works_as_json(heard.cancel), "unknown": works_as_json(heard.unknown)})


class InstanceDetail(APIView):
    """One instance."""

    permission_classes = [OutsideAgent]

    @extend_schema(operation_id="leave_agent", responses={204: None})
    def delete(self, request: Request, agent_id: str, instance_id: str) -> Response:
        """Leave: the instance takes no more, and what it has not ended goes elsewhere. Twice changes nothing."""
        grant = _grant(request, agent_id)
        outside.leave(grant, instance_id, actor=_actor(request, grant))
        return Response(status=status.HTTP_204_NO_CONTENT)


class AttemptProgress(APIView):
    """How far an attempt is."""

    permission_classes = [OutsideAgent]

    @extend_schema(
        operation_id="report_task_progress",
        request=ProgressSerializer,
        responses={200: ProgressAnswerSerializer, 409: _CONFLICT},
    )
    def post(self, request: Request, task_id: UUID, attempt: int) -> Response:
        """Publish how far an attempt is, as a `task.progress`; hear whether to end it."""
        given = ProgressSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        with _told_as_problems():
            cancel = outside.progress(_grant(request), (task_id, attempt), **given.validated_data)
        return Response({"cancel": cancel})


class AttemptResult(APIView):
    """How an attempt ended."""

    permission_classes = [OutsideAgent]

    @extend_schema(
        operation_id="report_task_result",
        request=ResultSerializer,
        responses={200: ResultAnswerSerializer, 409: _CONFLICT},
    )
    def post(self, request: Request, task_id: UUID, attempt: int) -> Response:
        """End an attempt by its result or error. The same report again is answered as the first time."""
        given = ResultSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        grant, report = _grant(request), report_from(given.validated_data)
        with _told_as_problems():
            ended = outside.finish(grant, (task_id, attempt), report, clients=clients(), actor=_actor(request, grant))
        facts = {"task_id": str(task_id), "attempt": attempt, "success": ended.success}
        told = {"error_type": ended.error_type, "message": str(ended.context.get("message", ""))}
        return Response({**facts, **told})
