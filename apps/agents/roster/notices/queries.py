"""Reads of destinations."""

from apps.agents.roster.notices.models import Destination
from apps.agents.roster.notices.states import ChannelName


def destination(name: str, *, channel: ChannelName, project: str) -> Destination | None:
    """Return the project's destination of this name, else the platform's; None where neither is of this channel.

    `project` is `owner/name` in lower case, or empty.
    """
    found = Destination.objects.filter(name=name, project__in=["", project]).order_by("-project").first()
    return found if found is not None and found.channel == channel else None
