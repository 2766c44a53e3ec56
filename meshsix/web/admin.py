"""How tables appear in Django's admin: read-only, with acts that ask first and call the service per row."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from meshsix.kit.actor import Actor, Door
from meshsix.web.actors import actor_of
from meshsix.web.roles import Role, may

MOST_ROWS = 200
LONGEST_NOTE = 500

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
else:  # at run time Django's class takes no type argument
    _ModelAdmin = admin.ModelAdmin


class ReadOnlyAdmin(_ModelAdmin):
    """Rows that only services write: they can be looked at, and not be added, changed or deleted.

    By those who may do what `seen_by` is for: everybody's rows are for admins. A table that viewers see says so, and
    its `get_queryset` leaves out what belongs to projects that they may not see.
    """

    seen_by: ClassVar[Role] = Role.ADMIN
    show_full_result_count = False
    list_per_page = 50

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Show the app to those who see its rows."""
        return may(request.user, self.seen_by)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002 - Django's signature
        """Show rows to whom they are for."""
        return may(request.user, self.seen_by)

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002 - Django's signature
        """Nothing is added by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002 - Django's signature
        """Nothing is changed by hand."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002 - Django's signature
        """Nothing is deleted by hand."""
        return False


@dataclass(frozen=True, kw_only=True)
class Act:
    """An act on selected rows: what it is called, what will happen to a row, the service, and who may.

    Where it `asks` something, it is done only with an answer, which `does` gets after the row and the actor.
    """

    name: str
    title: str
    will: Callable[[Any], str]
    does: Callable[[Any, Actor], None] | Callable[[Any, Actor, str], None]
    refusals: tuple[type[Exception], ...]
    role: Role = Role.OPERATOR
    asks: str = ""


Action = Callable[[_ModelAdmin, HttpRequest, QuerySet[Any]], HttpResponse | None]


def action(act: Act) -> Action:
    """Return a Django admin action that shows what will happen, asks, then calls the service for each row."""

    def perform(modeladmin: _ModelAdmin, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse | None:
        if not may(request.user, act.role):
            messages.error(request, f"{act.title} needs the role {act.role}.")
            return None
        chosen = list(rows[: MOST_ROWS + 1])
        if len(chosen) > MOST_ROWS:
            messages.error(request, f"At most {MOST_ROWS} rows at once; choose fewer.")
            return None
        answers = _answers(request, act)
        if "confirmed" not in request.POST or not all(answers):
            return _ask(modeladmin, request, act, chosen)
        _do(request, act, chosen, answers)
        return None

    perform.__name__ = act.name
    perform.short_description = act.title  # type: ignore[attr-defined] # Django reads it from the function
    return perform


def _answers(request: HttpRequest, act: Act) -> list[str]:
    """Return what the person said to what the act asks; nothing where it asks nothing."""
    return [request.POST.get("note", "").replace("\0", "").strip()[:LONGEST_NOTE]] if act.asks else []


def _ask(modeladmin: _ModelAdmin, request: HttpRequest, act: Act, rows: Iterable[Any]) -> HttpResponse:
    context = {
        **modeladmin.admin_site.each_context(request),
        "title": act.title,
        "act": act,
        "rows": [(row.pk, str(row), act.will(row)) for row in rows],
        "opts": modeladmin.opts,
        "action_checkbox_name": ACTION_CHECKBOX_NAME,
        "longest_note": LONGEST_NOTE,
    }
    return TemplateResponse(request, "web/admin/confirm.html", context)


def _do(request: HttpRequest, act: Act, rows: Iterable[Any], answers: Iterable[str]) -> None:
    actor = actor_of(request, Door.ADMIN)
    for row in rows:
        try:
            act.does(row, actor, *answers)
        except act.refusals as error:
            messages.warning(request, f"{row}: {error}")
        else:
            messages.success(request, f"{row}: done.")
