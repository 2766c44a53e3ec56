"""Who may act on a hook. What concerns many projects is for admins whom nothing binds to some; so is a new secret."""

from dataclasses import dataclass

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

from apps.projects import queries as projects
from apps.projects.models import HookKind
from apps.webhooks.repair.models import HookAlert, HookWatch
from apps.webhooks.repair.states import OPEN_ALERTS, AlertKind
from meshsix.web.roles import Role, may


@dataclass(frozen=True, kw_only=True)
class Rights:
    """What a caller may do: the work of operators, that of admins, and whether for some projects alone."""

    operates: bool
    administers: bool
    is_bound: bool

    def may_act(self, watch: HookWatch) -> bool:
        """Return whether the caller may ask for what the hook sent in vain, and repair it without a new secret."""
        return self.administers and not self.is_bound if _is_shared(watch) else self.operates

    def may_repair(self, watch: HookWatch) -> bool:
        """Return whether the caller may repair the hook as it stands. `mending.mend` decides when it comes to that."""
        return self.may_act(watch) and (self.administers or not rotates(watch))


def of(user: AbstractBaseUser | AnonymousUser) -> Rights:
    """Return the rights of somebody who signed in with all of theirs."""
    return Rights(
        operates=may(user, Role.OPERATOR),
        administers=may(user, Role.ADMIN),
        is_bound=projects.only_project_keys(user) is not None,
    )


def rotates(watch: HookWatch) -> bool:
    """Return whether a repair of the hook would give it a new secret."""
    read: list[HookAlert] | None = getattr(watch, "open_alerts", None)  # see queries.with_parts
    if read is not None:
        return AlertKind.BAD_SIGNATURES in {alert.kind for alert in read}
    return watch.alerts.filter(state__in=OPEN_ALERTS, kind=AlertKind.BAD_SIGNATURES).exists()


def _is_shared(watch: HookWatch) -> bool:
    return watch.hook is None or watch.hook.kind == HookKind.ORGANIZATION
