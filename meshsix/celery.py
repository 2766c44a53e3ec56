"""The Celery application. Messages are hints: losing all of them costs seconds (see meshsix/durable/README.md).

A worker is `celery -A meshsix.celery worker --hostname=NAME@%h` with WORKER_OPTIONS; start one for each processor, and
more where steps wait for the network. Beat is `celery -A meshsix.celery beat` with BEAT_OPTIONS, as many as you like.
"""

import os
import signal
import threading
import time
from contextlib import suppress
from datetime import timedelta

import django
from billiard.process import active_children
from celery import Celery, signals
from celery.schedules import crontab
from celery.worker import state
from django.apps import apps
from django.conf import settings
from django.db import connections
from kombu import Queue

from meshsix import sweeps

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "meshsix.settings")

# One process a worker, and several workers: a process that dies takes no other's task with it.
WORKER_OPTIONS = (
    "--pool=prefork",
    "--concurrency=1",
    "--without-gossip",
    "--without-mingle",
    "--without-heartbeat",
    "--queues=" + ",".join(settings.CELERY_QUEUES),
)
BEAT_OPTIONS = ("--scheduler=celery.beat:Scheduler", "--pidfile=")

_BROKER_TIMEOUT_SECONDS = 5
_VISIBILITY = timedelta(hours=1)
_RESULTS_LAST = timedelta(minutes=10)
# How long a dead pool process blocks its worker (10 s by default): results are rows, there is none to wait for.
_LOST_AFTER = timedelta(seconds=0.5)
# How often a worker looks whether it was asked to stop, and how long it may then take to give back what it has.
_LOOK_SECONDS, _FAREWELL_SECONDS = 0.5, 15.0
_ONE_RETRY = {"max_retries": 1, "interval_start": 0, "interval_step": 0.1, "interval_max": 0.1}


def _sweep(task: str, every: timedelta) -> dict[str, object]:
    """Return the entry of a sweep for beat's schedule."""
    options = {"queue": "maintenance", "expires": sweeps.KEPT.total_seconds()}
    return {"task": task, "schedule": every, "options": options}


# Celery's own fixup for Django closes the database connections around each task, which doubles a short step's cost;
# ours, below, keeps them.
app = Celery("meshsix", fixups=[])
app.conf.update(
    broker_url=settings.REDIS_URL,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_transport_options={
        "visibility_timeout": _VISIBILITY.total_seconds(),
        "socket_timeout": _BROKER_TIMEOUT_SECONDS,
        "socket_connect_timeout": _BROKER_TIMEOUT_SECONDS,
        "socket_keepalive": True,
    },
    result_backend=f"meshsix.chords.Counter+{settings.REDIS_URL}",
    result_expires=_RESULTS_LAST,
    result_backend_transport_options={"retry_policy": _ONE_RETRY},
    redis_socket_timeout=_BROKER_TIMEOUT_SECONDS,
    redis_socket_connect_timeout=_BROKER_TIMEOUT_SECONDS,
    task_publish_retry=True,
    task_publish_retry_policy=_ONE_RETRY,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    task_serializer="json",
    result_serializer="json",
    accept_content=["json"],
    task_default_queue="maintenance",
    task_queues=[Queue(name) for name in settings.CELERY_QUEUES],
    worker_prefetch_multiplier=1,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    worker_lost_wait=_LOST_AFTER.total_seconds(),
    worker_hijack_root_logger=False,
    worker_redirect_stdouts=False,
    timezone="UTC",
    beat_schedule={
        "durable-recover": _sweep("durable.recover", settings.DURABLE_RECOVERY_INTERVAL),
        "durable-prune": {
            "task": "durable.prune",
            "schedule": crontab(hour=3, minute=37),
            "options": {"queue": "maintenance"},
        },
        "live-ensure-partitions": {
            "task": "live.ensure_partitions",
            "schedule": crontab(hour=3, minute=17),
            "options": {"queue": "maintenance"},
        },
        "memory-tidy": {
            "task": "agent_memory.tidy",
            "schedule": crontab(minute=41),
            "options": {"queue": "maintenance"},
        },
        "registry-watch-tasks": _sweep("registry.watch_tasks", settings.TASK_SWEEP_INTERVAL),
        "registry-watch-agents": _sweep("registry.watch_agents", timedelta(seconds=15)),
        "registry-refresh-checks": _sweep("registry.refresh_checks", timedelta(seconds=10)),
        "registry-forget-results": {
            "task": "registry.forget_results",
            "schedule": crontab(hour=4, minute=11),
            "options": {"queue": "maintenance"},
        },
        "webhooks-forget-payloads": {
            "task": "webhooks.forget_payloads",
            "schedule": crontab(minute=43),
            "options": {"queue": "maintenance", "expires": timedelta(hours=1).total_seconds()},
        },
        "webhooks-recover": _sweep("webhooks.recover", settings.DURABLE_RECOVERY_INTERVAL),
        "webhooks-sweep-watches": _sweep("webhooks.sweep_watches", settings.WATCH_SWEEP_INTERVAL),
    },
)


@signals.import_modules.connect
def _set_up_django(**_: object) -> None:
    """Load Django before the tasks' modules are imported."""
    if not apps.ready:
        django.setup()


app.autodiscover_tasks(lambda: [config.name for config in apps.get_app_configs()])


@signals.worker_process_init.connect
def _own_connections(**_: object) -> None:
    """Let a new worker process make database connections of its own."""
    for connection in connections.all(initialized_only=True):
        connection.connection = None


@signals.task_prerun.connect
def _check_connections(**_: object) -> None:
    """Keep connections across tasks, but replace those that are broken or older than CONN_MAX_AGE."""
    for connection in connections.all(initialized_only=True):
        connection.close_if_unusable_or_obsolete()


@signals.worker_init.connect
def _watch_for_the_end(**_: object) -> None:
    """Let a worker that is asked to stop finish what it has begun, but never outlast its soft limit."""
    threading.Thread(target=_end_in_time, name="end-in-time", daemon=True).start()


def _end_in_time() -> None:
    """Wait until the worker is asked to stop; when its soft limit is over, end its processes and then itself.

    Celery's own soft shutdown does all that inside the signal's handler: it waits there for a process to which it was
    just writing, and which waits for the rest. So SIGTERM is Celery's plain, endless shutdown, and the limit is ours.
    """
    while not _is_asked_to_stop():
        time.sleep(_LOOK_SECONDS)
    time.sleep(settings.WORKER_SOFT_SHUTDOWN.total_seconds())
    for pid in [child.pid for child in active_children() if child.pid]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    time.sleep(_FAREWELL_SECONDS)
    os._exit(0)


def _is_asked_to_stop() -> bool:
    """Tell whether Celery has taken a signal to stop: it keeps the exit code, which may be 0."""
    asked: tuple[int | None, int | None] = (state.should_stop, state.should_terminate)
    return asked != (None, None)
