"""How long the research of tasks is kept."""

from datetime import datetime

from apps.agents.roster.research.models import Fetch, Reading


def forget(before: datetime) -> None:
    """Take away what was fetched, and what was noted, before this moment."""
    Fetch.objects.filter(begun_at__lt=before).delete()
    Reading.objects.filter(created_at__lt=before).delete()
