"""The pages of projects: the list with how each stands, and a page per project with its board, live."""

from django.conf import settings
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import resolve, reverse
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_GET

from apps.projects.boards import queries
from apps.projects.models import Project, ProjectStatus
from apps.projects.queries import visible_projects
from meshsix.live.queries import last_of, last_seq
from meshsix.web.pages import needs_role
from meshsix.web.roles import Role

_ROWS = 25
_MODES = [("envbuilder", "Own environment"), ("shared", "Shared host"), ("local", "This machine")]


@require_GET
@needs_role(Role.VIEWER)
def project_list(request: HttpRequest) -> HttpResponse:
    """Show the projects, filtered by the address."""
    asked = {name: request.GET.get(name, "").strip() for name in ("q", "status", "mode")}
    seq = last_seq()  # read before the rows: what is newer is fetched again
    rows = queries.listed(visible_projects(request.user), words=asked["q"], status=asked["status"], mode=asked["mode"])
    page = Paginator(rows, _ROWS).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "views": queries.views(page.object_list),
        "asked": asked,
        "statuses": ProjectStatus.choices,
        "modes": _MODES,
        "seq": seq,
    }
    return render(request, _template(request, "list"), context)


@require_GET
@needs_role(Role.VIEWER)
def project_page(request: HttpRequest, owner: str, repo: str) -> HttpResponse:
    """Show one project: how it stands, its board, and the panels of the apps above."""
    rows = visible_projects(request.user).filter(owner__iexact=owner, name__iexact=repo)
    project = queries.with_parts(rows).first()
    if project is None:
        raise Http404
    aggregate = queries.aggregate_of(project)
    seq = last_of(aggregate)  # read before the rows: what is newer is fetched again
    (view,) = queries.views([project])
    columns = queries.kanban(project)
    context = {
        "view": view,
        "project": project,
        "aggregate": aggregate,
        "seq": seq,
        "columns": columns,
        "cards": sum(column.count for column in columns),
        "board_url": project.metadata.get("board_url", ""),
        "panels": [] if _is_fragment(request) else _panels(request, project),
    }
    return render(request, _template(request, "page"), context)


def _panels(request: HttpRequest, project: Project) -> list[SafeString]:
    """Return the parts that the apps named in settings.PROJECT_PANELS serve for this project."""
    arguments = (project.owner, project.name)
    views = [resolve(reverse(name, args=arguments)).func for name in settings.PROJECT_PANELS]
    return [mark_safe(view(request, *arguments).content.decode()) for view in views]  # noqa: S308 - our own views' HTML


def _is_fragment(request: HttpRequest) -> bool:
    return request.headers.get("HX-Request") == "true"


def _template(request: HttpRequest, name: str) -> str:
    """Return the whole page, or its live part where a script asks for it again."""
    return f"web/projects/{name}{'_live' if _is_fragment(request) else ''}.html"
