"""The API of deliveries. Each view is a gate: parse, authorise, call one service, represent."""

from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response

from apps.webhooks import queries, replays
from apps.webhooks.models import Delivery
from apps.webhooks.representations import (
    DeliveryDetailSerializer,
    DeliverySerializer,
    ReplaySerializer,
    as_json,
    replay_as_json,
)
from apps.webhooks.serializers import ListParameters, NothingSerializer, ReplayRequest, asked
from meshsix.kit.actor import Door
from meshsix.web.actors import actor_of
from meshsix.web.pagination import CursorPages
from meshsix.web.permissions import Operator, Viewer
from meshsix.web.problems import Problem

_CONFLICT = OpenApiResponse(description="It cannot be replayed now; `code` and `hint` say why.")
_GUID = OpenApiParameter("guid", str, OpenApiParameter.PATH, description="The delivery's guid, or its id.")


class DeliveryPages(CursorPages):
    """Pages of deliveries, in the order of the index."""

    ordering = ("-received_at", "-id")


class DeliveryList(generics.ListAPIView[Delivery]):
    """What came in."""

    serializer_class = DeliverySerializer
    permission_classes = [Viewer]
    pagination_class = DeliveryPages
    filter_backends = []

    def get_queryset(self) -> QuerySet[Delivery]:
        """Return the rows that the caller may see, filtered."""
        wanted = asked(ListParameters.read(self.request))
        return queries.filtered(queries.deliveries(self.request.user), wanted)

    @extend_schema(operation_id="list_deliveries", parameters=[ListParameters])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:  # noqa: ANN401 - as DRF calls it
        """List deliveries, the newest first, in pages by cursor."""
        return super().get(request, *args, **kwargs)


def _found(request: Request, guid: str) -> Delivery:
    rows = queries.called(queries.deliveries(request.user), guid)
    if not rows:
        raise Http404
    return rows[0]


class DeliveryDetail(generics.GenericAPIView[Delivery]):
    """One delivery."""

    serializer_class = DeliveryDetailSerializer
    permission_classes = [Viewer]

    @extend_schema(operation_id="get_delivery", parameters=[_GUID])
    def get(self, request: Request, guid: str) -> Response:
        """Return a delivery with headers, payload and tries; where several hooks sent it, the one that was handled."""
        return Response(as_json(_found(request, guid)))


class DeliveryReplay(generics.GenericAPIView[Delivery]):
    """Handle a delivery once more."""

    serializer_class = NothingSerializer
    permission_classes = [Operator]
    throttle_scope = "trigger"

    @extend_schema(
        operation_id="replay_delivery",
        request=None,
        parameters=[_GUID],
        responses={202: DeliveryDetailSerializer, 409: _CONFLICT},
    )
    def post(self, request: Request, guid: str) -> Response:
        """Let it be handled once more; what it told before is not told again."""
        found = _found(request, guid)
        try:
            replays.replay(found.pk, actor=actor_of(request, Door.API))
        except replays.NotReplayable as error:
            raise Problem(error.code, status=409, detail=str(error)) from error
        return Response(as_json(_found(request, str(found.pk))), status=status.HTTP_202_ACCEPTED)


class DeliveriesReplay(generics.GenericAPIView[Delivery]):
    """Handle all deliveries once more that a filter fits."""

    serializer_class = ReplayRequest
    permission_classes = [Operator]
    throttle_scope = "trigger"

    @extend_schema(
        operation_id="replay_deliveries",
        request=ReplayRequest,
        responses={200: ReplaySerializer, 202: ReplaySerializer, 409: _CONFLICT},
    )
    def post(self, request: Request) -> Response:
        """Replay what fits, the oldest first; with `dry_run` only say what would happen (200)."""
        given = self.get_serializer(data=request.data)
        given.is_valid(raise_exception=True)
        dry_run = given.validated_data["dry_run"]
        try:
            done = replays.replay_all(
                queries.deliveries(request.user),
                asked(given.validated_data["filter"]),
                actor=actor_of(request, Door.API),
                dry_run=dry_run,
            )
        except replays.TooMany as error:
            raise Problem("webhooks:replay:too-many", status=409, detail=str(error)) from error
        return Response(replay_as_json(done), status=status.HTTP_200_OK if dry_run else status.HTTP_202_ACCEPTED)
