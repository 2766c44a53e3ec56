"""The event log by REST: with filters in order of seq, or one aggregate without a gap."""

from django.conf import settings
from drf_spectacular.utils import OpenApiExample, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param
from rest_framework.views import APIView

from meshsix.live import folding, queries
from meshsix.live.frames import event_json
from meshsix.live.models import Event
from meshsix.live.visibility import Viewer as Eyes
from meshsix.web import permissions
from meshsix.web.parameters import Parameters
from meshsix.web.permissions import Scoped
from meshsix.web.problems import FieldError, Problem

MOST = 1000


class EventSerializer(serializers.Serializer[Event]):
    """One event, as REST and sockets show it."""

    seq = serializers.IntegerField(help_text="Rises over all events; has gaps.")
    id = serializers.UUIDField()
    timestamp = serializers.DateTimeField()
    trace_id = serializers.CharField()
    task_id = serializers.CharField()
    agent_id = serializers.CharField()
    event_type = serializers.CharField()
    event_version = serializers.IntegerField()
    payload = serializers.DictField()
    aggregate_id = serializers.CharField()
    aggregate_seq = serializers.IntegerField(help_text="Counts from 1 in its aggregate, without gaps.")


class EventFilter(Parameters):
    """The query parameters of the log."""

    trace_id = serializers.CharField(required=False)
    task_id = serializers.CharField(required=False)
    agent_id = serializers.CharField(required=False)
    event_type = serializers.ListField(required=False, child=serializers.CharField(), help_text="May be repeated.")
    aggregate_id = serializers.CharField(required=False)
    since = serializers.DateTimeField(required=False, help_text="From this moment on.")
    until = serializers.DateTimeField(required=False, help_text="Before this moment.")
    after_seq = serializers.IntegerField(required=False, min_value=0, help_text="Behind this seq, the oldest first.")
    before_seq = serializers.IntegerField(required=False, min_value=1, help_text="The last ones before this seq.")
    limit = serializers.IntegerField(required=False, min_value=1, max_value=MOST, default=100)


class ReplayFilter(Parameters):
    """The query parameters of a replay."""

    after = serializers.IntegerField(required=False, min_value=0, default=0, help_text="The last number you have.")
    limit = serializers.IntegerField(required=False, min_value=1, max_value=MOST, default=100)
    fold = serializers.BooleanField(
        required=False, default=False, help_text="Also give the state that all its events make, as far as they go now."
    )


_PAGE = inline_serializer(
    "EventPage",
    {
        "results": EventSerializer(many=True),
        "next": serializers.URLField(allow_null=True),
        "previous": serializers.URLField(allow_null=True),
    },
)
_REPLAY = inline_serializer(
    "EventReplay",
    {
        "results": EventSerializer(many=True),
        "next": serializers.URLField(allow_null=True),
        "previous": serializers.URLField(allow_null=True),
        "state": serializers.DictField(required=False, help_text="With `fold`: equal to the row."),
        "state_at": serializers.IntegerField(required=False, help_text="With `fold`: the number of the last event."),
    },
)
_EXAMPLE = OpenApiExample(
    "A step ended",
    value={
        "results": [
            {
                "seq": 81,
                "id": "01936f2e-0000-7000-8000-000000000000",
                "timestamp": "2026-01-31T12:00:00Z",
                "trace_id": "",
                "task_id": "",
                "agent_id": "",
                "event_type": "step-done",
                "event_version": 1,
                "payload": {"step": "validate_repo", "phase": "initialization", "attempt": 1},
                "aggregate_id": "run:01936f2e-0000-7000-8000-000000000000",
                "aggregate_seq": 4,
            }
        ],
        "next": None,
        "previous": None,
    },
    response_only=True,
)


class Events(APIView):
    """The log."""

    permission_classes = [permissions.Viewer]

    @extend_schema(operation_id="list_events", parameters=[EventFilter], responses={200: _PAGE}, examples=[_EXAMPLE])
    def get(self, request: Request) -> Response:
        """List events in order of seq. `next` is always given: following it misses nothing, however late it commits."""
        asked = EventFilter.read(request)
        found = queries.filtered(asked)
        shown = [event_json(event) for event in visible(request, found.events)]
        here = request.build_absolute_uri()
        following = replace_query_param(_without(here, "before_seq"), "after_seq", found.next_after)
        preceding = replace_query_param(_without(here, "after_seq"), "before_seq", found.first)
        return Response({"results": shown, "next": following, "previous": preceding if found.first > 1 else None})


class Replay(APIView):
    """One aggregate."""

    permission_classes = [permissions.Viewer]

    @extend_schema(
        operation_id="replay_events", parameters=[ReplayFilter], responses={200: _REPLAY}, examples=[_EXAMPLE]
    )
    def get(self, request: Request, aggregate_id: str) -> Response:
        """List the events of an aggregate behind its event number `after`, without a gap."""
        asked = ReplayFilter.read(request)
        if not _eyes(request).visible([aggregate_id]):
            raise NotFound
        found = queries.after(aggregate_id, asked["after"], most=asked["limit"])
        last = found[-1].aggregate_seq if found else asked["after"]
        following = replace_query_param(request.build_absolute_uri(), "after", last)
        more = len(found) == asked["limit"]
        shown = [event_json(event) for event in found]
        page = {"results": shown, "next": following if more else None, "previous": None}
        return Response({**page, **_folded(aggregate_id)} if asked["fold"] else page)


def _folded(aggregate_id: str) -> dict[str, object]:
    """Return the state that the events make. Raises Problem `invalid` where nobody knows how to make one of them."""
    reducer = folding.reducer_of(aggregate_id)
    if reducer is None:
        kinds = ", ".join(settings.EVENT_REDUCERS)
        wrong = FieldError(pointer="?fold", code="invalid", detail=f"Only events of these make a state: {kinds}.")
        raise Problem("invalid", errors=[wrong])
    found = folding.fold(aggregate_id, reducer)
    return {"state": found.state, "state_at": found.number}


def visible(request: Request, events: list[Event]) -> list[Event]:
    """Return the events whose aggregates the caller may see."""
    allowed = _eyes(request).visible({event.aggregate_id for event in events})
    return [event for event in events if event.aggregate_id in allowed]


def _eyes(request: Request) -> Eyes:
    return Eyes(user=request.user, token=request.auth if isinstance(request.auth, Scoped) else None)


def _without(address: str, name: str) -> str:
    return str(remove_query_param(address, name))
