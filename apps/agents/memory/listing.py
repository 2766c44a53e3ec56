"""Memories as people see them: those of projects that they may see, and what is about themselves."""

from dataclasses import dataclass

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.db.models import Q, QuerySet
from pgvector.django import CosineDistance

from apps.agents.memory import local_vector
from apps.agents.memory.models import Memory
from apps.projects import queries as projects
from meshsix.kit import clock
from meshsix.web.roles import Role, may


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Which memories are wanted; what is empty is not asked for."""

    scope: str = ""
    scope_key: str = ""
    project: str = ""
    agent_id: str = ""
    subject: str = ""
    kind: str = ""


def visible(user: AbstractBaseUser | AnonymousUser) -> QuerySet[Memory]:
    """Return the memories that `user` may see and that have not expired.

    A memory belongs to the project that it comes from; one that comes from none is everybody's who may look, unless
    the caller is bound to projects. What is about a person is for that person, for who asks for them, and for admins.
    """
    if not isinstance(user, User) or not may(user, Role.VIEWER):
        return Memory.objects.none()
    rows = Memory.objects.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=clock.now()))
    only = projects.only_project_keys(user)
    if only is None:
        rows = rows.exclude(project__in=projects.hidden_project_keys(user))
    else:
        rows = rows.filter(project__in=only)
    if may(user, Role.ADMIN):
        return rows
    return rows.filter(
        Q(subject="") | Q(subject=user.get_username()) | Q(subject__startswith=f"{user.get_username()}/")
    )


def asked(user: AbstractBaseUser | AnonymousUser, wanted: Asked) -> QuerySet[Memory]:
    """Return the memories that `user` may see and asked for."""
    values = {name: value for name, value in vars(wanted).items() if value}
    return visible(user).filter(**values)


def nearest(rows: QuerySet[Memory], query: str, *, most: int) -> list[Memory]:
    """Return those of the memories that have most words in common with `query`, the best first; asks no model."""
    return list(rows.order_by(CosineDistance("local_embedding", list(local_vector.of(query))), "id")[:most])
