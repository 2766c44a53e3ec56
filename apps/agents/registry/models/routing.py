"""How tasks are given to agents: the rules by capability, and every decision with its reasons."""

from django.db import models
from django.db.models import Q

from apps.agents.registry.models.tasks import Task
from meshsix.kit import clock

DEFAULT_POLICY = "*"


class RoutingPolicy(models.Model):
    """How tasks of one capability are routed; `*` holds for all without one of their own."""

    capability = models.CharField(primary_key=True, max_length=100)
    exploration_rate = models.FloatField(default=0)
    hysteresis = models.FloatField(default=0)
    spill_ratio = models.FloatField(default=0.9)
    updated_at = models.DateTimeField(default=clock.now)

    class Meta:
        db_table = "routing_policies"
        constraints = [
            models.CheckConstraint(
                condition=Q(exploration_rate__gte=0, exploration_rate__lte=0.5), name="routing_policies_exploration"
            ),
            models.CheckConstraint(
                condition=Q(hysteresis__gte=0, hysteresis__lte=0.5), name="routing_policies_hysteresis"
            ),
            models.CheckConstraint(condition=Q(spill_ratio__gte=0, spill_ratio__lte=1), name="routing_policies_spill"),
        ]

    def __str__(self) -> str:
        return self.capability


class Dispatch(models.Model):
    """One routing decision. `attempt` is null where nobody got it; such a row comes again as the reasons change."""

    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="dispatches", db_index=False)
    attempt = models.PositiveSmallIntegerField(null=True, blank=True)
    chosen_agent = models.CharField(max_length=60, blank=True)
    policy = models.JSONField(default=dict)
    reason = models.CharField(max_length=300)
    cards = models.JSONField(default=list, help_text="The best 20, in full.")
    others = models.JSONField(default=list, help_text="agent, score and reason of all the rest.")
    fingerprint = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        db_table = "task_dispatches"
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(
                fields=["task", "attempt"], condition=Q(attempt__isnull=False), name="task_dispatches_attempt"
            ),
        ]
        indexes = [models.Index(fields=["task", "-id"], name="task_dispatches_by_task")]

    def __str__(self) -> str:
        return f"{self.task_id} #{self.attempt}: {self.chosen_agent or self.reason}"
