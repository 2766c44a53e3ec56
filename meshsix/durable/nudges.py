"""Sends the messages that make workers look. Every one may be lost: the row is stored, and recovery nudges again.

A web request only puts its nudge into a queue; a thread of this process sends it, so that a dead or frozen broker
neither blocks nor fails the request. A worker sends at once: it has nothing better to do.
"""

import atexit
import os
import queue
import threading
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from celery import Signature
from celery._state import get_current_worker_task
from django.conf import settings
from django.db import transaction
from kombu.exceptions import KombuError
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import RedisError

from meshsix.durable import canvas, moves, snapshots
from meshsix.durable.models import Run
from meshsix.durable.plan import Plan

LONGEST_COUNTDOWN = timedelta(minutes=1)
_MOST_WAITING = 1000
_FAREWELL_SECONDS = 3.0

log = structlog.get_logger()


class Sender:
    """Sends from a thread of its own. After a failure it forgets what is queued: recovery will nudge all of it."""

    def __init__(self) -> None:
        self._waiting: queue.Queue[Signature] = queue.Queue(_MOST_WAITING)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def put(self, message: Signature) -> None:
        """Queue a message and return at once; a full queue drops it."""
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="durable-nudges", daemon=True)
                self._thread.start()
        try:
            self._waiting.put_nowait(message)
        except queue.Full:
            log.warning("nudge dropped", reason="too many wait")

    def flush(self, timeout_seconds: float = _FAREWELL_SECONDS) -> None:
        """Wait until all is sent, for a process that is about to end."""
        with self._waiting.all_tasks_done:
            self._waiting.all_tasks_done.wait_for(lambda: not self._waiting.unfinished_tasks, timeout_seconds)

    def _run(self) -> None:
        while True:
            message = self._waiting.get()
            sent = _publish(message)
            self._waiting.task_done()
            while not sent and self._forget_one():
                pass

    def _forget_one(self) -> bool:
        try:
            self._waiting.get_nowait()
        except queue.Empty:
            return False
        self._waiting.task_done()
        return True


_sender = Sender()


def _after_fork() -> None:
    global _sender  # noqa: PLW0603 - threads do not survive a fork
    _sender = Sender()


os.register_at_fork(after_in_child=_after_fork)


def flush() -> None:
    """Wait briefly until all nudges of this process are sent."""
    _sender.flush()


atexit.register(flush)


def send(message: Signature | None, *, pause: timedelta | None = None) -> None:
    """Send a message soon, or after `pause`, which is at most LONGEST_COUNTDOWN. Never raises for a dead broker."""
    if message is None:
        return
    if pause is not None:
        message = message.set(countdown=max(0.0, pause.total_seconds()))
    if get_current_worker_task() is not None:
        _publish(message)
    else:
        _sender.put(message)


def nudge(run_id: UUID) -> None:
    """Compile what the run can do now and send it."""
    send(canvas.compile_run(run_id, _plan(run_id), moves.states_of(run_id)))


def nudge_on_commit(run_id: UUID) -> None:
    """Nudge the run once the transaction is committed."""
    transaction.on_commit(lambda: nudge(run_id), robust=True)


def recovers_at(due_at: datetime, now: datetime) -> datetime:
    """Return when recovery sends the message of a step that is due then: at once where no countdown did it before."""
    return due_at + settings.DURABLE_NUDGE_GRACE if due_at - now <= LONGEST_COUNTDOWN else due_at


def nudge_step(run_id: UUID, step: str, *, pause: timedelta | None = None) -> None:
    """Send the message of one step, now or after a short pause; a long pause is recovery's business."""
    if pause is None or pause <= LONGEST_COUNTDOWN:
        send(canvas.run_step(run_id, step, _plan(run_id).queue), pause=pause)


def _plan(run_id: UUID) -> Plan:
    digest = Run.objects.values_list("definition_hash", flat=True).get(pk=run_id)
    return snapshots.plan_of(run_id, digest)


def _publish(message: Signature) -> bool:
    try:
        message.apply_async()
    except (BrokerError, KombuError, RedisError, OSError) as error:
        log.warning("nudge not sent", error=type(error).__name__)
        return False
    return True
