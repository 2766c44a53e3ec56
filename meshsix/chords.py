"""Celery's result store, reduced to what the platform uses of it: counting the members of a chord that are done."""

from celery.backends.redis import RedisBackend


class Counter(RedisBackend):
    """Counts chords and never listens for results, since nobody waits for one.

    Celery's own would open a subscription in every process that sends a chord, web processes too.
    """

    def on_task_call(self, *_: object) -> None:
        """Do not expect a result."""

    def add_pending_result(self, result: object, *_: object, **__: object) -> object:
        """Do not wait for a result."""
        return result

    def remove_pending_result(self, *_: object) -> None:
        """Do not stop to wait, either."""
