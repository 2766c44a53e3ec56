"""The event log in Django's admin: to look at, never to write."""

from django.contrib import admin

from meshsix.live.models import Aggregate, Event, EventKey
from meshsix.web.admin import ReadOnlyAdmin


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    """Events, newest first."""

    list_display = ["seq", "timestamp", "aggregate_id", "aggregate_seq", "event_type", "agent_id", "trace_id"]
    list_filter = ["event_type"]
    search_fields = ["=aggregate_id", "=trace_id", "=task_id", "=agent_id"]
    ordering = ["-seq"]
    date_hierarchy = None


@admin.register(Aggregate)
class AggregateAdmin(ReadOnlyAdmin):
    """How many events each aggregate has."""

    list_display = ["aggregate_id", "events"]
    search_fields = ["=aggregate_id"]


@admin.register(EventKey)
class EventKeyAdmin(ReadOnlyAdmin):
    """Idempotency keys in use."""

    list_display = ["idempotency_key", "event_type", "aggregate_id", "aggregate_seq", "timestamp"]
    search_fields = ["=idempotency_key", "=aggregate_id"]
