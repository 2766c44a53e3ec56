"""Who may make and revoke tokens. A token must not breed others that may more than itself."""

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from apps.projects.credentials.models import AccessToken, Scope
from meshsix.web.roles import Role, may


class KeepsTokens(BasePermission):
    """A person by session; by token only one with the scope admin that is bound to no project."""

    message = "Tokens are made and revoked by a person who is signed in, or by an unbound token with the scope admin."
    code = "forbidden"

    def has_permission(self, request: Request, view: APIView) -> bool:  # noqa: ARG002 - DRF's signature
        """Return whether the caller may."""
        if not may(request.user, Role.VIEWER):
            return False
        token = request.auth
        return not isinstance(token, AccessToken) or (Scope.ADMIN in token.scopes and not token.projects)
