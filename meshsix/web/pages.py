"""Gates of pages: who is not signed in goes to the sign-in page, who lacks a role reads which one and whom to ask."""

from collections.abc import Callable
from functools import update_wrapper
from typing import Concatenate, ParamSpec

from django.contrib.auth.models import User
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from meshsix.web.catalog import wording
from meshsix.web.roles import DOES, Role, may, roles_of

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]
MOST_NAMES = 5


def needs_role(role: Role) -> Callable[[View[P]], View[P]]:
    """Let a page be seen by those who may do what `role` is for."""

    def guard(page: View[P]) -> View[P]:
        def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            if not may(request.user, role):
                return refusal(request, role)
            return page(request, *args, **kwargs)

        return update_wrapper(guarded, page)

    return guard


def refusal(request: HttpRequest, role: Role) -> HttpResponse:
    """Return the page that says which role is missing and whom to ask."""
    code = "forbidden" if roles_of(request.user) else "no_role"
    context = {
        "code": code,
        "status": 403,
        "words": wording(code),
        "role": role,
        "does": DOES[role],
        "admins": admins(),
    }
    return render(request, "web/refusal.html", context, status=403)


def admins() -> list[str]:
    """Return the login names of some admins, to be asked."""
    people = User.objects.filter(is_active=True, groups__name=Role.ADMIN).order_by("username")
    return list(people.values_list("username", flat=True)[:MOST_NAMES])
