"""Who may call an endpoint: the role of the person and, for a token, its scope as well."""

from collections.abc import Collection
from typing import TYPE_CHECKING, ClassVar, Protocol, runtime_checkable

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from meshsix.web.roles import DOES, Role, may, token_may

if TYPE_CHECKING:  # the framework's views import this module while they are being loaded
    from rest_framework.views import APIView


@runtime_checkable
class Scoped(Protocol):
    """What `request.auth` is when a token signed in."""

    @property
    def scopes(self) -> Collection[str]:
        """Return what the token may be used for."""


class Viewer(BasePermission):
    """May see."""

    role: ClassVar[Role] = Role.VIEWER
    code = "forbidden"

    @property
    def message(self) -> str:
        """Return what is missing."""
        return f"This needs the role {self.role}, which may {DOES[self.role]}."

    def has_permission(self, request: Request, view: "APIView") -> bool:  # noqa: ARG002 - DRF's signature
        """Return whether the caller has the role, and the scope where a token calls."""
        if not may(request.user, self.role):
            return False
        return not isinstance(request.auth, Scoped) or token_may(frozenset(request.auth.scopes), self.role)


class Operator(Viewer):
    """May start, retry, resume, cancel and answer."""

    role = Role.OPERATOR


class Approver(Viewer):
    """May approve and reject."""

    role = Role.APPROVER


class Admin(Viewer):
    """May do everything."""

    role = Role.ADMIN


class SeesMetrics(BasePermission):
    """May read metrics: an admin, by token only with the scope `metrics`."""

    message = "Metrics need the role admin, and a token the scope metrics."
    code = "forbidden"

    def has_permission(self, request: Request, view: "APIView") -> bool:  # noqa: ARG002 - DRF's signature
        """Return whether the caller may read metrics."""
        if isinstance(request.auth, Scoped):
            return "metrics" in request.auth.scopes and may(request.user, Role.ADMIN)
        return may(request.user, Role.ADMIN)
