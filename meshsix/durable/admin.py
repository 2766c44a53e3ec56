"""Runs in Django's admin: to look at. Acts on runs are services, which the apps' own pages and actions call."""

from django.contrib import admin

from meshsix.durable.models import Answer, Attempt, Run, StepRow
from meshsix.web.admin import ReadOnlyAdmin


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin):
    """Runs, newest first."""

    list_display = ["key", "workflow", "state", "phase", "created_at", "finished_at", "error_code"]
    list_filter = ["workflow", "state"]
    search_fields = ["=id", "key", "=error_code"]
    date_hierarchy = "created_at"


@admin.register(StepRow)
class StepAdmin(ReadOnlyAdmin):
    """Steps, with what they wait for."""

    list_display = ["run", "name", "state", "attempt", "due_at", "wait_name", "wait_until", "error_code"]
    list_filter = ["state", "name"]
    list_select_related = ["run"]
    search_fields = ["=run__id", "=name", "=wait_name", "=error_code"]


@admin.register(Attempt)
class AttemptAdmin(ReadOnlyAdmin):
    """Attempts that ended."""

    list_display = ["step", "number", "result", "started_at", "finished_at", "owner", "error_code"]
    list_filter = ["result"]
    list_select_related = ["step"]
    search_fields = ["=step__run__id", "=error_code"]


@admin.register(Answer)
class AnswerAdmin(ReadOnlyAdmin):
    """Answers from outside, and deadlines that passed."""

    list_display = ["name", "id", "outcome", "timed_out", "received_at", "given_at"]
    list_filter = ["outcome", "timed_out"]
    search_fields = ["=id", "=name"]
