"""The watch in Django's admin: to look at, to ask for what is missing, and to repair."""

from django.contrib import admin

from apps.webhooks.repair import mending
from apps.webhooks.repair.mending import CannotRepair
from apps.webhooks.repair.models import Gap, HookAlert, HookWatch
from meshsix.kit.actor import Actor
from meshsix.web.admin import Act, ReadOnlyAdmin, action
from meshsix.web.roles import Role
from meshsix.wiring import clients


def _redeliver(row: HookWatch, actor: Actor) -> None:
    mending.redeliver_missing(row, actor=actor)


def _mend(row: HookWatch, actor: Actor) -> None:
    mending.mend(row, clients(), actor=actor, may_rotate=True)


REDELIVER = Act(
    name="redeliver_missing",
    title="Ask for what is missing",
    will=lambda row: f"GitHub's list for the {row.hook or 'app'} is compared with ours; what is missing is asked for.",
    does=_redeliver,
    refusals=(),
    role=Role.ADMIN,
)
REPAIR = Act(
    name="repair",
    title="Repair",
    will=lambda row: f"The {row.hook or 'app'} is brought back to what it should be at GitHub, and proved by a ping.",
    does=_mend,
    refusals=(CannotRepair,),
    role=Role.ADMIN,
)


@admin.register(HookWatch)
class HookWatchAdmin(ReadOnlyAdmin):
    """How hooks are watched."""

    list_display = ("hook", "due_at", "looked_at", "compared_until", "error")
    list_select_related = ("hook__project",)
    actions = (action(REDELIVER), action(REPAIR))


@admin.register(Gap)
class GapAdmin(ReadOnlyAdmin):
    """What did not come in."""

    list_display = ("delivered_at", "event", "action", "state", "tries", "status_code", "reason")
    list_filter = ("state", "event")
    search_fields = ("guid",)


@admin.register(HookAlert)
class HookAlertAdmin(ReadOnlyAdmin):
    """What is or was wrong with hooks."""

    list_display = ("raised_at", "kind", "state", "watch", "told_at", "cleared_at")
    list_filter = ("kind", "state")
    list_select_related = ("watch__hook__project",)
