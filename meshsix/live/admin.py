"""The event log in Django's admin: to look at, never to write."""

from typing import ClassVar

from django.contrib import admin

from meshsix.live.models import Aggregate, Event, EventKey
from meshsix.web.admin import ReadOnlyAdmin


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    """Events, newest first."""

    list_display: ClassVar = ["seq", "timestamp", "aggregate_id", "aggregate_seq", "event_type", "agent_id", "trace_id"]
    list_filter: ClassVar = ["event_type"]
    search_fields: ClassVar = ["=aggregate_id", "=trace_id", "=task_id", "=agent_id"]
    ordering: ClassVar = ["-seq"]
    date_hierarchy = None


@admin.register(Aggregate)
class AggregateAdmin(ReadOnlyAdmin):
    """How many events each aggregate has."""

    list_display: ClassVar = ["aggregate_id", "events"]
    search_fields: ClassVar = ["=aggregate_id"]


@admin.register(EventKey)
class EventKeyAdmin(ReadOnlyAdmin):
    """Idempotency keys in use."""

    list_display: ClassVar = ["idempotency_key", "event_type", "aggregate_id", "aggregate_seq", "timestamp"]
    search_fields: ClassVar = ["=idempotency_key", "=aggregate_id"]
