"""`manage.py runagent NAME [NAME ...] | --all`: work as these agents until told to stop."""

import os
import sys
import threading
import time
from typing import Any

from celery import signals
from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from apps.agents.memory import embeddings
from apps.agents.memory.dimension import Disagreement
from apps.agents.registry.definitions import BadDefinition
from apps.agents.registry.services.working import Instance
from meshsix.celery import app
from meshsix.web.command import Exit, PlatformCommand

_MOST_THREADS = 64
# How many messages a thread may hold. A worker that holds all it may is not told that a thread is free again, but looks
# once a second. Holding more takes nothing from others: an agent's queue has no more messages than it has slots.
_HELD_A_THREAD = 4


class Command(PlatformCommand):
    help = "Work as one or more agents of this deployment: register, beat, take their tasks. SIGTERM ends it gently."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("names", nargs="*", metavar="NAME", help="An agent's id, as settings.AGENTS has it.")
        parser.add_argument("--all", action="store_true", help="All agents of this deployment.")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ANN401, ARG002 - as Django calls it
        names = sorted(settings.AGENTS) if options["all"] else options["names"]
        unknown = sorted(set(names) - settings.AGENTS.keys())
        if unknown or not names:
            known = ", ".join(sorted(settings.AGENTS)) or "none"
            raise CommandError(f"Name an agent of this deployment: {known}.", returncode=Exit.USAGE)
        instance = Instance(names)
        try:
            embeddings.check_at_start()
            instance.join()
        except (Disagreement, BadDefinition) as error:
            raise CommandError(str(error), returncode=Exit.FAILED) from error
        self.console.print(f"Working as {', '.join(names)} ({instance.instance_id}).", markup=False)
        _work(instance)


def _work(instance: Instance) -> None:
    """Be a Celery worker until it is stopped, then leave.

    Threads, one a slot: what agents do is wait for others. A thread that hangs must not keep the process, so it ends
    without waiting for threads.
    """

    def stopping(**_: object) -> None:
        if not instance.is_stopping:
            instance.stop()
            threading.Thread(target=_end_in_time, args=(instance,), name="agent-end", daemon=True).start()

    signals.worker_shutting_down.connect(stopping, weak=False)
    threads = settings.AGENT_WORKER_THREADS or min(instance.slots, _MOST_THREADS)
    try:
        app.worker_main(
            [
                "worker",
                "--pool=threads",
                f"--concurrency={threads}",
                f"--prefetch-multiplier={_HELD_A_THREAD}",
                "--without-gossip",
                "--without-mingle",
                "--without-heartbeat",
                "--loglevel=INFO",
                f"--hostname=agent-{instance.instance_id}@%h",
                f"--queues={','.join(instance.queues)}",
            ]
        )
    finally:
        _end(instance)


def _end_in_time(instance: Instance) -> None:
    """End the process when its time to stop is over: Celery itself waits for its threads for as long as they last."""
    time.sleep(settings.WORKER_SOFT_SHUTDOWN.total_seconds())
    _end(instance)


def _end(instance: Instance) -> None:
    try:
        instance.end()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(Exit.FAILED if instance.has_hung else Exit.DONE)
