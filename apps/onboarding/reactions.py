"""What onboarding does about canonical events: the registry follows what happens to a repository at GitHub.

Each is called in the transaction that tells the event, once an event.
"""

from apps.projects.canonical import CanonicalEvent, Kind, Reaction, Reactions


def new_todo(event: CanonicalEvent) -> Reaction:  # noqa: ARG001 - every reaction takes the event
    """Say that nobody works on issues yet."""
    return Reaction(words="no lifecycle yet")


REACTIONS: Reactions = {Kind.NEW_TODO: new_todo}
