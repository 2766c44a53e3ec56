"""The pages of hooks: the list with how each stands, a project's panel, and what a person can do about one."""

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from apps.projects.queries import visible_projects
from apps.webhooks.repair import health, mending, places, queries, rights
from apps.webhooks.repair.catalog import PROBLEMS
from apps.webhooks.repair.mending import CannotRepair, Done, NeedsAdmin
from apps.webhooks.repair.models import HookWatch
from meshsix.kit import clock
from meshsix.kit.actor import Door
from meshsix.live.queries import last_of, last_seq
from meshsix.web.actors import actor_of
from meshsix.web.pages import needs_role
from meshsix.web.roles import Role
from meshsix.wiring import clients

_ROWS = 25
_DONE = {
    Done.MADE_ANEW: "GitHub had no such webhook any more: it was made anew.",
    Done.ROTATING: "The webhook is given a new secret, and GitHub is then asked for a ping.",
    Done.CHANGED: "The webhook was brought back to what it should be.",
    Done.NOTHING: "The webhook is as it should be; GitHub was asked for a ping.",
}


@require_GET
@needs_role(Role.VIEWER)
def hook_list(request: HttpRequest) -> HttpResponse:
    """Show the hooks and how each stands, those in trouble with what to do."""
    seq = last_seq()  # read before the rows: what is newer is fetched again
    rows = queries.with_parts(queries.visible(request.user))
    page = Paginator(rows, _ROWS).get_page(request.GET.get("page"))
    views, caller = queries.views(page.object_list), rights.of(request.user)
    context = {
        "page": page,
        "views": views,
        "seq": seq,
        "may_ask": {view.watch.pk for view in views if caller.may_act(view.watch)},
        "may_repair": {view.watch.pk for view in views if view.watch.hook and caller.may_repair(view.watch)},
    }
    part = "_live" if request.headers.get("HX-Request") == "true" else ""
    return render(request, f"web/hooks/list{part}.html", context)


@require_GET
@needs_role(Role.VIEWER)
def project_panel(request: HttpRequest, owner: str, repo: str) -> HttpResponse:
    """Show the part of a project's page that tells how its webhooks fare."""
    project = visible_projects(request.user).filter(owner__iexact=owner, name__iexact=repo).first()
    if project is None:
        raise Http404
    aggregate = places.aggregate_of_project(project)
    seq = last_of(aggregate)  # read before the rows: what is newer is fetched again
    views = queries.standings(queries.with_parts(queries.of_project(project)))
    figures = health.of_projects([project], clock.now())[project.pk]
    context = {"project": project, "views": views, "figures": figures, "aggregate": aggregate, "seq": seq}
    return render(request, "web/hooks/panel.html", context)


@require_POST
@needs_role(Role.OPERATOR)
def redeliver_missing(request: HttpRequest, watch_id: UUID) -> HttpResponse:
    """Ask GitHub again for what did not come in."""
    watch = _visible(request, watch_id)
    missing = mending.redeliver_missing(watch, actor=actor_of(request, Door.UI))
    known = f"{missing} missing deliveries are asked for" if missing else "Nothing is known to be missing"
    messages.success(request, f"{known}; GitHub's list is compared with ours now.")
    return redirect("hook-list")


@require_POST
@needs_role(Role.OPERATOR)
def repair(request: HttpRequest, watch_id: UUID) -> HttpResponse:
    """Bring the hook back to what it should be."""
    watch = _visible(request, watch_id)
    try:
        administers = rights.of(request.user).administers
        mended = mending.mend(watch, clients(), actor=actor_of(request, Door.UI), may_rotate=administers)
    except NeedsAdmin as error:
        raise PermissionDenied(str(error)) from error
    except CannotRepair as error:
        messages.error(request, f"{error} {error.hint}".strip())
    else:
        messages.success(request, _DONE[mended.done])
    return redirect("hook-list")


def _visible(request: HttpRequest, watch_id: UUID) -> HookWatch:
    row = queries.with_parts(queries.visible(request.user)).filter(pk=watch_id).first()
    if row is None:
        raise Http404
    if not rights.of(request.user).may_act(row):
        raise PermissionDenied(PROBLEMS[NeedsAdmin.code].means)
    return row
