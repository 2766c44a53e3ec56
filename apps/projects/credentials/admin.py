"""Tokens, credentials and sign-ins in Django's admin: facts to look at, and the revoking of tokens."""

from typing import Any

from django.contrib import admin

from apps.projects.credentials import tokens
from apps.projects.credentials.models import AccessToken, Credential, CredentialProject, Login
from meshsix.kit.actor import Actor
from meshsix.web.admin import Act, ReadOnlyAdmin, action
from meshsix.web.roles import Role


def _revoke(row: AccessToken, actor: Actor) -> None:
    tokens.revoke(row.pk, actor=actor)


def _revokes(row: AccessToken) -> str:
    return f"is refused from now on ({row.owner.get_username()}, {', '.join(row.scopes)})."


REVOKE = Act(name="revoke", title="Revoke selected tokens", will=_revokes, does=_revoke, refusals=(), role=Role.ADMIN)


@admin.register(AccessToken)
class AccessTokenAdmin(ReadOnlyAdmin):
    """Find a token by its owner or name; revoke it."""

    list_display = ("id", "name", "token_class", "owner", "scopes", "expires_at", "last_used_at", "revoked_at")
    list_filter = ("token_class",)
    list_select_related = ("owner",)
    search_fields = ("name", "owner__username", "environment")
    exclude = ("sha256",)
    actions: list[Any] = [action(REVOKE)]


@admin.register(CredentialProject)
class CredentialProjectAdmin(ReadOnlyAdmin):
    """Whose account a project's agents use."""

    list_display = ("id", "display_name", "claude_email", "created_at")
    search_fields = ("id", "display_name", "claude_email")


@admin.register(Credential)
class CredentialAdmin(ReadOnlyAdmin):
    """The history of a project's credentials, as facts and Vault paths."""

    list_display = ("project", "kind", "source", "fingerprint", "expires_at", "proven_at", "invalidated_at")
    list_filter = ("kind", "source")
    list_select_related = ("project",)
    search_fields = ("project__id", "fingerprint", "email_address")
    date_hierarchy = "created_at"


@admin.register(Login)
class LoginAdmin(ReadOnlyAdmin):
    """Sign-ins, open and past."""

    list_display = ("project", "method", "state", "round", "created_by", "created_at", "expires_at", "error_code")
    list_filter = ("state", "method")
    list_select_related = ("project",)
    search_fields = ("project__id", "run_id")
    date_hierarchy = "created_at"
