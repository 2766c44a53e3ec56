"""Who a runner is, and the token that it works with for an hour.

In the cluster a runner shows the token of its pod, and the cluster says which pod that is. Elsewhere it shows a service
token with the scope `runner`, which an admin made for this one environment. A runner's own token renews nothing.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from django.contrib.auth.models import User
from django.db import transaction

from apps.projects import services as projects
from apps.projects.credentials import tokens
from apps.projects.credentials.models import AccessToken, Scope, TokenClass
from apps.projects.models import SHARED_HOST, Environment
from meshsix.integrations.kubernetes import Kubernetes, TokenReviewed
from meshsix.kit import clock, names
from meshsix.kit.actor import Actor, ActorKind, Door

TOKEN_LIFE = timedelta(hours=1)
ACCOUNT = "mesh-six-runner"
_OWN_POD = re.compile(r"(env-[a-z0-9-]+)-0")
_SHARED_POD = re.compile(r"runner-[0-9]+")
_POD_TOKEN = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_LONGEST_TOKEN = 8192


@dataclass(frozen=True, kw_only=True)
class Runner:
    """A runner that has proven who it is. `pod_uid` is empty outside of the cluster."""

    environment: str
    pod_uid: str = ""
    scopes: Collection[str] = (Scope.RUNNER,)

    @property
    def pk(self) -> str:
        """Return by what its requests are counted."""
        return f"runner:{self.environment}"


def of_service_token(plaintext: str) -> Runner | None:
    """Return the runner that a service token stands for, or None."""
    row = tokens.verify(plaintext)
    if row is None or row.token_class != TokenClass.SERVICE or Scope.RUNNER not in row.scopes or not row.environment:
        return None
    return Runner(environment=row.environment)


def of_pod_token(token: str, cluster: Kubernetes | None) -> Runner | None:
    """Return the runner whose pod this token was made for, or None. Raises TryLater or Refused of the cluster."""
    if cluster is None or len(token) > _LONGEST_TOKEN or not _POD_TOKEN.fullmatch(token):
        return None
    return of_review(cluster.review_token(token, audience=names.RUNNER_AUDIENCE), namespace=cluster.namespace)


def of_review(review: TokenReviewed, *, namespace: str) -> Runner | None:
    """Return the runner that a review stands for: one whose pod is of our namespace and has a runner's name."""
    if not review.authenticated or review.namespace != namespace or not review.pod_uid:
        return None
    if _SHARED_POD.fullmatch(review.pod):
        return Runner(environment=SHARED_HOST, pod_uid=review.pod_uid)
    own = _OWN_POD.fullmatch(review.pod)
    return Runner(environment=own[1], pod_uid=review.pod_uid) if own else None


def account() -> User:
    """Return the account that owns the tokens of runners: without password and role, so its tokens may do no more."""
    found, made = User.objects.get_or_create(username=ACCOUNT)
    if made:
        found.set_unusable_password()
        found.save(update_fields=["password"])
    return found


@transaction.atomic
def welcome(runner: Runner, environment: Environment, *, instance_id: str, starts_work: bool) -> tokens.Issued:
    """Issue the runner's token for an hour; where it `starts_work`, record its hello. Ended tokens go."""
    actor = Actor(kind=ActorKind.RUNNER, name=environment.env_name, door=Door.API)
    if starts_work:
        projects.record_hello(environment.env_name, instance_id=instance_id, pod_uid=runner.pod_uid, actor=actor)
    ended = AccessToken.objects.filter(token_class=TokenClass.RUNNER, environment=environment.env_name)
    ended.filter(expires_at__lte=clock.now()).delete()
    return tokens.issue(
        account(),
        [Scope.RUNNER],
        name=f"Runner of {environment.env_name}"[:100],
        token_class=TokenClass.RUNNER,
        projects=[environment.project_id] if environment.project_id else [],
        environment=environment.env_name,
        life=TOKEN_LIFE,
        actor=actor,
    )
