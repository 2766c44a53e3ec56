"""The pages of deliveries: what came in, why it was ignored, what it caused; and replay by a plain form."""

import json
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from apps.projects.queries import visible_projects
from apps.webhooks import queries, replays
from apps.webhooks.handlers.table import HANDLERS
from apps.webhooks.models import Delivery
from apps.webhooks.queries import Asked
from apps.webhooks.replays import NotReplayable, TooMany
from apps.webhooks.states import DeliveryState
from meshsix.kit.actor import Door
from meshsix.live.queries import last_of, last_seq
from meshsix.web.actors import actor_of
from meshsix.web.pages import needs_role
from meshsix.web.roles import Role

_ROWS = 50
_PROJECTS = 200
SHOWN_CHARACTERS = 256 * 1024
"""So much of a payload stands on the page; all of it has an address of its own."""
_FIELDS = ("project", "event", "state", "q")


@require_GET
@needs_role(Role.VIEWER)
def delivery_list(request: HttpRequest) -> HttpResponse:
    """Show the deliveries, filtered by the address."""
    given, wanted = _asked(request.GET)
    seq = last_seq()  # read before the rows: what is newer is fetched again
    rows = queries.filtered(queries.deliveries(request.user), wanted)
    found = list(queries.before(rows, request.GET.get("before", ""))[: _ROWS + 1])
    context = {
        "rows": found[:_ROWS],
        "older": str(found[_ROWS - 1].pk) if len(found) > _ROWS else "",
        "is_first_page": "before" not in request.GET,
        "asked": given,
        "is_filtered": not wanted.is_nothing,
        "states": list(DeliveryState),
        "events": sorted(HANDLERS),
        "projects": [project.full_name for project in visible_projects(request.user)[:_PROJECTS]],
        "seq": seq,
    }
    return render(request, _template(request, "list"), context)


def _asked(source: QueryDict) -> tuple[dict[str, str], Asked]:
    given = {name: str(source.get(name, "")).replace("\0", "").strip() for name in _FIELDS}
    return given, Asked(project=given["project"], event=given["event"], state=given["state"], q=given["q"])


@require_GET
@needs_role(Role.VIEWER)
def delivery_page(request: HttpRequest, guid: str) -> HttpResponse:
    """Show one delivery with all that is known of it."""
    rows = _visible(request, guid)
    row = rows[0]
    aggregate = queries.aggregate(row.project)
    seq = last_of(aggregate)  # read before the page's own data
    row.refresh_from_db()
    context = {
        "row": row,
        "others": rows[1:],
        "aggregate": aggregate,
        "seq": seq,
        "tries": list(reversed(row.history)),
        "replayable": row.state != DeliveryState.RECEIVED and row.payload_dropped_at is None,
    }
    if not _is_live(request):  # it never changes: the live part goes without it
        context |= _payload(row)
    return render(request, _template(request, "page"), context)


def _payload(row: Delivery) -> dict[str, object]:
    """Return the beginning of the payload, and whether that is not all of it."""
    text = _pretty(row)
    return {"payload": text[:SHOWN_CHARACTERS], "is_cut": len(text) > SHOWN_CHARACTERS}


@require_GET
@needs_role(Role.VIEWER)
def delivery_payload(request: HttpRequest, guid: str) -> HttpResponse:
    """Return the whole payload as JSON, but for what looks like a secret; 404 where it is not kept any more."""
    row = _visible(request, guid)[0]
    if row.payload_dropped_at is not None:
        raise Http404
    return HttpResponse(_pretty(row), content_type="application/json; charset=utf-8")


def _pretty(row: Delivery) -> str:
    found = queries.payload_of(row)
    return "" if found is None else json.dumps(found, indent=2, ensure_ascii=False)


def _visible(request: HttpRequest, guid: str) -> list[Delivery]:
    rows = queries.called(queries.deliveries(request.user), guid)
    if not rows:
        raise Http404
    return rows


def _template(request: HttpRequest, name: str) -> str:
    """Return the whole page, or its live part where a script asks for it again."""
    return f"web/deliveries/{name}{'_live' if _is_live(request) else ''}.html"


def _is_live(request: HttpRequest) -> bool:
    return request.headers.get("HX-Request") == "true"


@require_POST
@needs_role(Role.OPERATOR)
def replay(request: HttpRequest, guid: str) -> HttpResponse:
    """Let the delivery be handled once more."""
    row = _visible(request, guid)[0]
    try:
        replays.replay(row.pk, actor=actor_of(request, Door.UI))
    except NotReplayable as error:
        messages.warning(request, str(error))
    else:
        messages.success(request, "It is handled once more. What it told before is not told again.")
    return redirect("delivery-page", row.name)


@require_POST
@needs_role(Role.OPERATOR)
def replay_filtered(request: HttpRequest) -> HttpResponse:
    """Say how many deliveries of the filter would be replayed; with the button "Replay them" replay them."""
    given, wanted = _asked(request.POST)
    back = redirect(f"{reverse('delivery-list')}?{urlencode({name: value for name, value in given.items() if value})}")
    if wanted.is_nothing:
        messages.warning(request, "Filter the list first: without a filter everything would be replayed.")
        return back
    dry_run = "confirmed" not in request.POST
    rows = queries.deliveries(request.user)
    try:
        done = replays.replay_all(rows, wanted, actor=actor_of(request, Door.UI), dry_run=dry_run)
    except TooMany as error:
        messages.warning(request, str(error))
        return back
    if dry_run:
        return render(request, "web/deliveries/replay.html", {"asked": given, "done": done})
    messages.success(request, f"{done.replayed} of {done.matched} deliveries are handled once more.")
    return back
