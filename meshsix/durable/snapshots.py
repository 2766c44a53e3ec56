"""The plan of a run, from the snapshot that it stored. Plans of equal digest are read once a process."""

from collections import OrderedDict
from uuid import UUID

from meshsix.durable import plan
from meshsix.durable.models import Run

_KEEP = 200
_plans: OrderedDict[str, plan.Plan] = OrderedDict()


def plan_of(run_id: UUID, digest: str) -> plan.Plan:
    """Return the plan of the run, whose snapshot has this digest."""
    known = _plans.get(digest)
    return (
        known
        if known is not None
        else remember(plan.from_json(Run.objects.values_list("definition").get(pk=run_id)[0]), digest)
    )


def remember(known: plan.Plan, digest: str) -> plan.Plan:
    """Keep a plan in memory, and the last few hundred with it."""
    _plans[digest] = known
    while len(_plans) > _KEEP:
        _plans.popitem(last=False)
    return known
