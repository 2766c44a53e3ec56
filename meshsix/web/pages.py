"""Gates of pages: who may open them."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render

from meshsix.web.roles import DOES, Role, may, roles_of

Arguments = ParamSpec("Arguments")
View = Callable[Concatenate[HttpRequest, Arguments], HttpResponseBase]


def needs_role(role: Role) -> Callable[[View[Arguments]], View[Arguments]]:
    """Let only people with this role open the page.

    Strangers sign in first; accounts without any role are told whom to ask.
    """

    def gate(view: View[Arguments]) -> View[Arguments]:
        @wraps(view)
        def gated(request: HttpRequest, *args: Arguments.args, **kwargs: Arguments.kwargs) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            if not roles_of(request.user):
                return no_role(request)
            if not may(request.user, role):
                raise PermissionDenied(f"This needs the role {role}, which may {DOES[role]}.")
            return view(request, *args, **kwargs)

        return gated

    return gate


def no_role(request: HttpRequest) -> HttpResponse:
    """Tell somebody without a role whom to ask."""
    return render(request, "web/no_role.html", status=403)
