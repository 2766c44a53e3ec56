"""The event log as Django sees it: written by services.publish alone, never changed.

The table, its partitions and its one writing function are made in SQL (migrations/0001_initial.py).
"""

from django.db import models


class Event(models.Model):
    """One thing that happened. `aggregate_seq` counts without gaps in its aggregate; `seq` rises over all of them."""

    seq = models.BigIntegerField(primary_key=True)
    id = models.UUIDField()
    timestamp = models.DateTimeField()
    trace_id = models.CharField(max_length=64, blank=True)
    task_id = models.CharField(max_length=64, blank=True)
    agent_id = models.CharField(max_length=100, blank=True)
    event_type = models.CharField(max_length=100)
    event_version = models.PositiveSmallIntegerField()
    payload = models.JSONField()
    aggregate_id = models.CharField(max_length=200)
    aggregate_seq = models.BigIntegerField()
    idempotency_key = models.CharField(max_length=200, null=True, blank=True)  # noqa: DJ001 - NULL: has no key

    class Meta:
        db_table = "mesh_six_events"
        ordering = ["seq"]

    def __str__(self) -> str:
        return f"{self.aggregate_id} #{self.aggregate_seq} {self.event_type}"


class Aggregate(models.Model):
    """How many events an aggregate has. The row's lock makes the numbers gap-free: it is held until the commit."""

    aggregate_id = models.CharField(max_length=200, primary_key=True)
    events = models.BigIntegerField()

    class Meta:
        db_table = "mesh_six_aggregates"

    def __str__(self) -> str:
        return f"{self.aggregate_id}: {self.events}"


class EventKey(models.Model):
    """An idempotency key that was used, and where its event stands.

    A unique index on the partitioned table could not do this: it would have to contain the time.
    """

    idempotency_key = models.CharField(max_length=200, primary_key=True)
    event_id = models.UUIDField()
    event_type = models.CharField(max_length=100)
    aggregate_id = models.CharField(max_length=200)
    aggregate_seq = models.BigIntegerField()
    seq = models.BigIntegerField()
    timestamp = models.DateTimeField()

    class Meta:
        db_table = "mesh_six_event_keys"

    def __str__(self) -> str:
        return self.idempotency_key
