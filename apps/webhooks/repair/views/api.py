"""The API of hooks' health. Each view is a gate: parse, authorise, call one service, represent."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.webhooks.repair import mending, queries, rights
from apps.webhooks.repair.mending import CannotRepair, NeedsAdmin
from apps.webhooks.repair.models import HookWatch
from apps.webhooks.repair.representations import AskedSerializer, HookSerializer, MendedSerializer
from apps.webhooks.repair.rights import Rights
from meshsix.kit.actor import Door
from meshsix.web.actors import actor_of
from meshsix.web.permissions import Admin, Operator, Viewer
from meshsix.web.problems import Problem
from meshsix.wiring import clients

_REFUSED = OpenApiResponse(description="GitHub or Vault does not let us; `detail` and `hint` say why.")
_FOR_ADMINS = OpenApiResponse(description="It concerns more than one project, or needs a new secret: for admins.")
_LATER = OpenApiResponse(description="Not now; Retry-After says when.")


class HookList(generics.ListAPIView[HookWatch]):
    """Webhooks that point at us, and how each stands."""

    serializer_class = HookSerializer
    permission_classes = [Viewer]
    filter_backends = []

    def get_queryset(self) -> QuerySet[HookWatch]:
        """Return the hooks that the caller may see."""
        return queries.with_parts(queries.visible(self.request.user))

    @extend_schema(operation_id="list_hooks")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:  # noqa: ANN401, ARG002 - as DRF calls it
        """List the hooks, the newest first, in pages by cursor: alerts, what is missing, figures of the last day."""
        page: list[HookWatch] = self.paginate_queryset(self.get_queryset()) or []
        return self.get_paginated_response(HookSerializer(queries.views(page), many=True).data)


class RedeliverMissing(APIView):
    """What a hook sent and did not come in."""

    permission_classes = [Operator]

    @extend_schema(operation_id="redeliver_missing", request=None, responses={202: AskedSerializer, 403: _FOR_ADMINS})
    def post(self, request: Request, watch_id: UUID) -> Response:
        """Compare GitHub's list with ours now, and ask for all that is missing; what was given up is tried anew."""
        watch = _visible(request, watch_id, _rights(request, self))
        missing = mending.redeliver_missing(watch, actor=actor_of(request, Door.API))
        watch.refresh_from_db(fields=["due_at"])
        body = AskedSerializer({"missing": missing, "due_at": watch.due_at}).data
        return Response(body, status=status.HTTP_202_ACCEPTED)


class Repair(APIView):
    """The hook itself, at GitHub."""

    permission_classes = [Operator]
    throttle_scope = "trigger"

    @extend_schema(
        operation_id="repair_hook",
        request=None,
        responses={200: MendedSerializer, 403: _FOR_ADMINS, 409: _REFUSED, 503: _LATER},
    )
    def post(self, request: Request, watch_id: UUID) -> Response:
        """Bring the hook back to what it should be: made anew, switched on, readdressed, or given a new secret."""
        try:
            watch = _visible(request, watch_id, caller := _rights(request, self))
            actor = actor_of(request, Door.API)
            mended = mending.mend(watch, clients(), actor=actor, may_rotate=caller.administers)
        except CannotRepair as error:
            raise _problem(error) from error
        except NeedsAdmin as error:
            raise Problem(error.code, status=403, detail=str(error)) from error
        return Response(MendedSerializer(mended).data)


def _problem(error: CannotRepair) -> Problem:
    if error.pause is None:
        return Problem(error.code, status=409, detail=str(error), hint=error.hint)
    wait = {"Retry-After": str(max(1, round(error.pause.total_seconds())))}
    return Problem(error.code, status=503, detail=str(error), hint=error.hint, headers=wait)


def _rights(request: Request, view: APIView) -> Rights:
    """Return what the caller may do, by token no more than the token's scopes say."""
    administers = Admin().has_permission(request, view)
    return replace(rights.of(request.user), operates=Operator().has_permission(request, view), administers=administers)


def _visible(request: Request, watch_id: UUID, caller: Rights) -> HookWatch:
    row = queries.with_parts(queries.visible(request.user)).filter(pk=watch_id).first()
    if row is None:
        raise Http404
    if not caller.may_act(row):
        raise Problem(NeedsAdmin.code, status=403, detail="This webhook is of more than one project.")
    return row
