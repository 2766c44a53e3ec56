"""A plain Celery application with a task that gives back what it is given, for the benchmark."""

import os

from celery import Celery

plain = Celery("bench", broker=os.environ["REDIS_URL"], backend=os.environ["REDIS_URL"])
plain.conf.update(
    task_default_queue="bench-plain",
    task_acks_late=True,
    broker_connection_retry_on_startup=True,
    result_expires=600,
    worker_prefetch_multiplier=4,
)


@plain.task(name="bench.nothing")
def nothing(number: int) -> dict[str, int]:
    """Return what tests.perf.dispatch_jobs.Nothing returns."""
    return {"number": number}
