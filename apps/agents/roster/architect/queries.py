"""Reads of the architect's log."""

from collections.abc import Sequence

from django.db.models import QuerySet

from apps.agents.roster.architect.issues import Issue
from apps.agents.roster.architect.models import Entry
from apps.agents.roster.architect.words import Said
from apps.projects.models import Project

DECISIONS = (Said.CONSULTED, Said.QUESTION_ANSWERED, Said.HUMAN_ANSWERED)


def history(issue: Issue, *, after: int = 0) -> QuerySet[Entry]:
    """Return the entries of an issue behind its entry `after`, the oldest first."""
    return Entry.objects.filter(actor_id=issue.actor_id, number__gt=after).order_by("number")


def entry(issue: Issue, key: str) -> Entry | None:
    """Return the entry with this key, or None."""
    return Entry.objects.filter(actor_id=issue.actor_id, event_key=key).first()


def latest(issue: Issue, said: Said) -> Entry | None:
    """Return the newest entry of this type, or None."""
    return Entry.objects.filter(actor_id=issue.actor_id, event_type=said).order_by("-number").first()


def of_types(issue: Issue, said: Sequence[Said]) -> QuerySet[Entry]:
    """Return all entries of these types, the oldest first."""
    return Entry.objects.filter(actor_id=issue.actor_id, event_type__in=list(said)).order_by("number")


def decisions(project: str, *, most: int) -> QuerySet[Entry]:
    """Return what was decided about any issue of a project (`owner/name`), the newest first."""
    rows = Entry.objects.filter(project=project.lower(), event_type__in=[each.value for each in DECISIONS])
    return rows.order_by("-id")[:most]


def names_of_projects() -> set[str]:
    """Return the names of all owners and repositories that are onboarded."""
    return {name for pair in Project.objects.values_list("owner", "name") for name in pair}
