"""The inbox of what waits for a person: its page, its part of the overview, and the API."""

from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.decisions import inbox
from apps.decisions.inbox import WORDS, Kind
from meshsix.live.queries import last_seq
from meshsix.web.pages import needs_role
from meshsix.web.parameters import Parameters
from meshsix.web.permissions import Viewer
from meshsix.web.problems import Problem
from meshsix.web.roles import Role

_KINDS = [(kind.value, words) for kind, words in WORDS.items()]
_MOST, _PAGE, _SHOWN = 200, 50, 6
_MOMENT = "%Y%m%dT%H%M%S.%f"


class ActSerializer(serializers.Serializer[Any]):
    """The request that ends the wait."""

    method = serializers.CharField()
    url = serializers.CharField()
    schema = serializers.DictField()


class OpenDecisionSerializer(serializers.Serializer[Any]):
    """A wait that a person can end."""

    id = serializers.CharField()
    kind = serializers.ChoiceField(choices=_KINDS)
    project = serializers.CharField(allow_blank=True)
    subject = serializers.CharField()
    asked_by = serializers.CharField()
    since = serializers.DateTimeField()
    until = serializers.DateTimeField(allow_null=True)
    at_deadline = serializers.CharField()
    who = serializers.ChoiceField(choices=[(role.value, role.value) for role in Role])
    inputs_sha256 = serializers.CharField(allow_blank=True)
    act = ActSerializer()
    page = serializers.CharField()


class OpenDecisionsSerializer(serializers.Serializer[Any]):
    """The oldest open waits; `count` is how many there are in all, `next` the `cursor` of those behind them."""

    count = serializers.IntegerField()
    results = OpenDecisionSerializer(many=True)
    next = serializers.CharField(allow_null=True)


class DecisionCountSerializer(serializers.Serializer[Any]):
    """How many waits are open, in all and by kind."""

    count = serializers.IntegerField()
    by_kind = serializers.DictField(child=serializers.IntegerField())


class DecisionParameters(Parameters):
    """Which waits are wanted."""

    kind = serializers.ChoiceField(choices=_KINDS, required=False, help_text="Only these.")
    project = serializers.CharField(required=False, max_length=140, help_text="`owner/name`: only of this project.")
    limit = serializers.IntegerField(required=False, min_value=1, max_value=_MOST, help_text="At most so many.")
    cursor = serializers.CharField(required=False, max_length=200, help_text="`next` of an earlier answer.")


class DecisionList(APIView):
    """What waits for people."""

    permission_classes = [Viewer]

    @extend_schema(operation_id="list_decisions", parameters=[DecisionParameters], responses=OpenDecisionsSerializer)
    def get(self, request: Request) -> Response:
        """List the open waits of all kinds, the oldest first, each with the request that ends it."""
        asked = DecisionParameters.read(request)
        kind, project = asked.get("kind"), asked.get("project", "").lower()
        found = [
            each
            for each in inbox.waiting(request.user)
            if kind in {None, each.kind} and project in {"", each.project.lower()}
        ]
        after = _place(asked.get("cursor", ""))
        rest = [each for each in found if after is None or inbox.place(each) > after]
        shown = rest[: asked.get("limit", _PAGE)]
        more = _cursor(shown[-1]) if len(shown) < len(rest) else None
        return Response({"count": len(found), "results": [as_json(each) for each in shown], "next": more})


def _cursor(decision: inbox.Decision) -> str:
    since, name = inbox.place(decision)
    return f"{since.astimezone(UTC):{_MOMENT}}~{name}"


def _place(cursor: str) -> tuple[datetime, str] | None:
    """Return after which place the answer goes on, None from the beginning. Raises Problem `bad_cursor`."""
    if not cursor:
        return None
    since, _, name = cursor.partition("~")
    try:
        return datetime.strptime(since, _MOMENT).replace(tzinfo=UTC), name
    except ValueError as error:
        raise Problem("bad_cursor") from error


class DecisionCount(APIView):
    """How much waits for people."""

    permission_classes = [Viewer]

    @extend_schema(operation_id="count_decisions", responses=DecisionCountSerializer)
    def get(self, request: Request) -> Response:
        """Count the open waits, in all and by kind."""
        counts = Counter(each.kind for each in inbox.waiting(request.user))
        return Response({"count": counts.total(), "by_kind": {kind: counts[kind] for kind in Kind}})


class DecisionDetail(APIView):
    """One open wait."""

    permission_classes = [Viewer]

    @extend_schema(operation_id="get_decision", responses=OpenDecisionSerializer)
    def get(self, request: Request, decision_id: str) -> Response:
        """Return an open wait; 404 once it is over."""
        for each in inbox.waiting(request.user):
            if each.id == decision_id:
                return Response(as_json(each))
        raise Http404


def as_json(decision: inbox.Decision) -> dict[str, Any]:
    """Return a wait as the API shows it."""
    return dict(OpenDecisionSerializer(asdict(decision)).data)


@require_GET
@needs_role(Role.VIEWER)
def decision_list(request: HttpRequest) -> HttpResponse:
    """Show what waits for people, the oldest first; the address may ask for one kind, or what the reader may decide."""
    seq = last_seq()  # read before the rows: what is newer is fetched again
    found = [(each, inbox.may_end(request.user, each)) for each in inbox.waiting(request.user)]
    kind, mine = request.GET.get("kind", ""), request.GET.get("mine", "") == "1"
    rows = [(each, is_mine) for each, is_mine in found if kind in {"", each.kind} and (is_mine or not mine)]
    counts = Counter(each.kind for each, _ in found)
    context = {
        "rows": rows[:_MOST],
        "more": max(0, len(rows) - _MOST),
        "kinds": [(each, words, counts[each]) for each, words in WORDS.items()],
        "kind": kind,
        "mine": mine,
        "count": len(found),
        "mine_count": sum(is_mine for _, is_mine in found),
        "seq": seq,
    }
    part = "web/decisions/list_live.html" if request.headers.get("HX-Request") == "true" else "web/decisions/list.html"
    return render(request, part, context)


@require_GET
@needs_role(Role.VIEWER)
def decision_overview(request: HttpRequest) -> HttpResponse:
    """Show the overview's part: what the reader may decide, the oldest first."""
    seq = last_seq()  # read before the rows: what is newer is fetched again
    mine = [each for each in inbox.waiting(request.user) if inbox.may_end(request.user, each)]
    context = {"rows": mine[:_SHOWN], "count": len(mine), "seq": seq}
    return render(request, "web/decisions/overview.html", context)
