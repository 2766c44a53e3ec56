"""Every call of a language model: who asked, what it took and what it cost. Never what was said."""

from django.db import models
from django.db.models import Q

from meshsix.integrations.litellm.chat_messages import COST_DIGITS
from meshsix.kit import clock, ids


class CostSource(models.TextChoices):
    """Where the cost of a call comes from; empty where nobody knows it."""

    HEADER = "header", "LiteLLM said it with the answer"
    PRICES = "prices", "Tokens times the prices that LiteLLM lists"
    ESTIMATE = "estimate", "What was sent, times the price that LiteLLM lists: the answer was lost"


class LlmCall(models.Model):
    """One call. `project` is the lower-case `owner/name`, empty for work without one; `cost_usd` None: unknown."""

    call_id = models.UUIDField(primary_key=True, default=ids.new_id, editable=False)
    trace_id = models.CharField(max_length=64, blank=True)
    task_id = models.CharField(max_length=64, blank=True)
    agent_id = models.CharField(max_length=60, blank=True)
    project = models.CharField(max_length=140, blank=True)
    purpose = models.CharField(max_length=40)
    prompt_name = models.CharField(max_length=120, blank=True)
    prompt_version = models.CharField(max_length=20, blank=True)
    model = models.CharField(max_length=200)
    prompt_tokens = models.PositiveIntegerField(default=0)
    completion_tokens = models.PositiveIntegerField(default=0)
    cost_usd = models.DecimalField(max_digits=20, decimal_places=COST_DIGITS, null=True, blank=True)
    cost_source = models.CharField(max_length=10, choices=CostSource, blank=True)
    duration_ms = models.PositiveIntegerField()
    error_type = models.CharField(max_length=40, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        """Sums by project and by agent over time read these indexes alone."""

        db_table = "llm_calls"
        ordering = ("-created_at", "-call_id")
        constraints = [
            models.CheckConstraint(
                condition=Q(cost_source="", cost_usd__isnull=True)
                | Q(cost_source__in=CostSource.values, cost_usd__gte=0),
                name="llm_calls_cost_has_a_source",
            ),
        ]
        indexes = [
            models.Index(fields=["project", "created_at"], include=["cost_usd"], name="llm_calls_project"),
            models.Index(fields=["agent_id", "created_at"], include=["cost_usd"], name="llm_calls_agent"),
            models.Index(fields=["task_id"], name="llm_calls_task"),
        ]

    def __str__(self) -> str:
        return f"{self.model} for {self.agent_id or 'the platform'}"
