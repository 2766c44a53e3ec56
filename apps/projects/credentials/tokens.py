"""Access tokens: making, checking and revoking them. The plaintext exists in one answer and nowhere else."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet

from apps.projects.credentials.models import AccessToken, Scope, TokenClass
from meshsix.kit import clock, ids
from meshsix.kit.actor import SYSTEM, Actor
from meshsix.live.services import publish
from meshsix.web.roles import Role, may

USUAL_LIFE = timedelta(days=90)
LONGEST_LIFE = timedelta(days=365)
_USE_NOTED_EVERY = timedelta(minutes=1)
_FORM = re.compile(r"m6_([0-9a-f]{32})_([A-Za-z0-9_-]{43})")
_NOBODY = hashlib.sha256(b"").hexdigest()

NEEDS: dict[Scope, Role] = {
    Scope.READ: Role.VIEWER,
    Scope.OPERATE: Role.OPERATOR,
    Scope.APPROVE: Role.APPROVER,
    Scope.ADMIN: Role.ADMIN,
    Scope.METRICS: Role.ADMIN,
    Scope.RUNNER: Role.ADMIN,
    Scope.AGENT: Role.OPERATOR,
}


class NotAllowed(Exception):  # noqa: N818 - reads as a word of the domain
    """The token would allow what its owner may not do, or live longer than a token may; the message says which."""


@dataclass(frozen=True, kw_only=True)
class Bound:
    """To which agent outside a token is bound, and what it may offer."""

    agent_id: str
    capabilities: tuple[str, ...]


class Issued(NamedTuple):
    """A new token: its row, and the plaintext, which is shown once."""

    row: AccessToken
    plaintext: str


@transaction.atomic
def issue(
    owner: User,
    scopes: Iterable[str],
    *,
    name: str = "",
    token_class: TokenClass = TokenClass.PERSONAL,
    projects: Iterable[UUID] = (),
    environment: str = "",
    agent: Bound | None = None,
    life: timedelta = USUAL_LIFE,
    actor: Actor = SYSTEM,
) -> Issued:
    """Make a token that never allows more than `owner` may do. Raises NotAllowed."""
    wanted = sorted({Scope(scope) for scope in scopes})
    _check(owner, wanted, token_class, environment, life)
    _check_agent(wanted, token_class, agent)
    bound = list(projects)
    if agent is not None and not bound and not may(owner, Role.ADMIN):
        raise NotAllowed("A token of an agent for any project needs the role admin of its owner: name its projects.")
    secret = secrets.token_urlsafe(32)
    row = AccessToken.objects.create(
        id=ids.new_id(),
        name=name,
        token_class=token_class,
        scopes=wanted,
        projects=bound,
        environment=environment,
        agent_id=agent.agent_id if agent else "",
        capabilities=sorted(set(agent.capabilities)) if agent else [],
        sha256=_hash(secret),
        owner=owner,
        created_by=actor.name,
        expires_at=clock.now() + life,
    )
    _tell("token-issued", row, actor)
    return Issued(row, f"m6_{row.id.hex}_{secret}")


def _check(owner: User, scopes: list[Scope], token_class: TokenClass, environment: str, life: timedelta) -> None:
    if not scopes:
        raise NotAllowed("A token needs at least one scope.")
    if not timedelta() < life <= LONGEST_LIFE:
        raise NotAllowed(f"A token lives from one to {LONGEST_LIFE.days} days.")
    if token_class is TokenClass.RUNNER and scopes != [Scope.RUNNER]:
        raise NotAllowed("A runner's token has the scope runner and no other.")
    if Scope.RUNNER in scopes and not environment:
        raise NotAllowed("A token with the scope runner is bound to one environment: name it.")
    if token_class is TokenClass.RUNNER:  # the cluster, or a token that an admin made, has told who the runner is
        return
    missing = next((scope for scope in scopes if not may(owner, NEEDS[scope])), None)
    if missing is not None:
        raise NotAllowed(f"The scope {missing} needs the role {NEEDS[missing]}, which {owner.get_username()} lacks.")


def _check_agent(scopes: list[Scope], token_class: TokenClass, agent: Bound | None) -> None:
    if Scope.AGENT not in scopes and token_class is not TokenClass.AGENT and agent is None:
        return
    if scopes != [Scope.AGENT] or token_class is not TokenClass.AGENT or agent is None or not agent.capabilities:
        raise NotAllowed(
            "The scope agent is for tokens of one agent and its capabilities: `manage.py createagenttoken`."
        )


def verify(plaintext: str) -> AccessToken | None:
    """Return the token's row if it is known, alive, not revoked, and its owner's account is active; else None.

    An unknown id costs as much as a wrong secret. Notes the use, at most once a minute.
    """
    form = _FORM.fullmatch(plaintext)
    if form is None:
        return None
    row = AccessToken.objects.select_related("owner").filter(pk=UUID(form[1])).first()
    same = hmac.compare_digest(row.sha256 if row else _NOBODY, _hash(form[2]))
    now = clock.now()
    if row is None or not same or row.revoked_at is not None or row.expires_at <= now or not row.owner.is_active:
        return None
    if row.last_used_at is None or now - row.last_used_at >= _USE_NOTED_EVERY:
        AccessToken.objects.filter(pk=row.pk).update(last_used_at=now)
    return row


@transaction.atomic
def revoke(token_id: UUID, *, actor: Actor) -> bool:
    """Make the token useless from now on; return whether it was not so before."""
    changed = AccessToken.objects.filter(pk=token_id, revoked_at__isnull=True).update(revoked_at=clock.now())
    if changed:
        _tell("token-revoked", AccessToken.objects.get(pk=token_id), actor)
    return bool(changed)


def revoke_all(rows: QuerySet[AccessToken], *, actor: Actor) -> int:
    """Revoke every token of `rows`; return how many were not revoked before."""
    return sum(revoke(pk, actor=actor) for pk in rows.values_list("pk", flat=True))


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _tell(event_type: str, row: AccessToken, actor: Actor) -> None:
    publish(
        event_type=event_type,
        aggregate_id=f"credentials:{row.environment}" if row.environment else f"token:{row.id}",
        payload={
            "token_id": str(row.id),
            "class": row.token_class,
            "scopes": row.scopes,
            "owner": row.owner.get_username(),
            "environment": row.environment,
            "agent_id": row.agent_id,
        },
        actor=actor,
    )
