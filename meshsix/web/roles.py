"""The four roles of people: Django groups, made by a migration. What each may do stands in one table."""

from enum import StrEnum

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User


class Role(StrEnum):
    """A role, named as its group. Asked of somebody, it means "may do what this role is for"."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    APPROVER = "approver"
    ADMIN = "admin"


GRANTS: dict[Role, frozenset[Role]] = {
    Role.VIEWER: frozenset({Role.VIEWER}),
    Role.OPERATOR: frozenset({Role.VIEWER, Role.OPERATOR}),
    Role.APPROVER: frozenset({Role.VIEWER, Role.APPROVER}),
    Role.ADMIN: frozenset(Role),
}
SCOPES: dict[Role, frozenset[str]] = {
    Role.VIEWER: frozenset({"read", "operate", "approve", "admin"}),
    Role.OPERATOR: frozenset({"operate", "admin"}),
    Role.APPROVER: frozenset({"approve", "admin"}),
    Role.ADMIN: frozenset({"admin"}),
}
DOES: dict[Role, str] = {
    Role.VIEWER: "see everything but secrets",
    Role.OPERATOR: "start, retry, resume and cancel work, and answer questions",
    Role.APPROVER: "approve and reject",
    Role.ADMIN: "offboard, push credentials, and manage people and settings",
}


def roles_of(user: AbstractBaseUser | AnonymousUser) -> frozenset[Role]:
    """Return the roles of the groups that `user` is in; all for a superuser, none without an active account.

    Asked once per user object: a request sees one answer.
    """
    if not isinstance(user, User) or not user.is_active:
        return frozenset()
    known: frozenset[Role] | None = user.__dict__.get("_mesh_six_roles")
    if known is None:
        names = set(Role) if user.is_superuser else set(user.groups.values_list("name", flat=True))
        known = frozenset(role for role in Role if role in names)
        user.__dict__["_mesh_six_roles"] = known
    return known


def may(user: AbstractBaseUser | AnonymousUser, role: Role) -> bool:
    """Return whether one of the user's roles grants what `role` is for."""
    return any(role in GRANTS[held] for held in roles_of(user))


def token_may(scopes: frozenset[str], role: Role) -> bool:
    """Return whether a token with these scopes may be used for what `role` is for (its owner must be allowed too)."""
    return bool(scopes & SCOPES[role])
