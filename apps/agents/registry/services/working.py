"""One process that works as agents: it registers, beats from a thread of its own, and leaves when asked to stop."""

import os
import signal
import socket
import threading
from collections.abc import Sequence
from uuid import uuid4

import structlog
from django.db import connection
from django.db.utils import InterfaceError, OperationalError

from apps.agents.registry import definitions
from apps.agents.registry.here import HERE
from apps.agents.registry.services import attempts, registration
from apps.agents.registry.services.starting import queue_of
from apps.agents.registry.states import BEAT_EVERY
from meshsix.durable import threads
from meshsix.kit import clock

log = structlog.get_logger()


class Instance:
    """This process as an instance of its agents.

    `join` registers, `stop` says that no more work is taken, `end` gives back what was not ended. A database that is
    away is waited for: the thread tries again with the next beat.
    """

    def __init__(self, agent_ids: Sequence[str]) -> None:
        self.instance_id = uuid4().hex
        self.agent_ids = tuple(agent_ids)
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._left = threading.Event()
        self._in_vain: frozenset[threads.Working] = frozenset()
        self._has_hung = False
        self._thread = threading.Thread(target=self._live, name="agent-beat", daemon=True)

    @property
    def queues(self) -> tuple[str, ...]:
        """Return the queues whose messages are for this process."""
        shared = [queue_of(agent_id) for agent_id in self.agent_ids]
        return (*shared, *(queue_of(agent_id, self.instance_id) for agent_id in self.agent_ids))

    @property
    def slots(self) -> int:
        """Return how many tasks the agents of this process may have at a time."""
        return sum(definitions.deployed(agent_id).definition.max_concurrency for agent_id in self.agent_ids)

    @property
    def has_hung(self) -> bool:
        """Return whether a handler that hangs stopped it: whoever runs it should start it again."""
        return self._has_hung

    @property
    def is_stopping(self) -> bool:
        """Return whether it was asked to stop."""
        return self._stopping.is_set()

    def join(self) -> None:
        """Register all agents and begin to beat. Raises BadDefinition, KeyError."""
        self._register()
        HERE.instance_id = self.instance_id
        self._thread.start()

    def _register(self) -> None:
        for agent_id in self.agent_ids:
            definition = definitions.deployed(agent_id).definition
            registration.register(definition, instance_id=self.instance_id, host=socket.gethostname())

    def stop(self) -> None:
        """Take no more work; returns at once, so that a signal's handler may call it."""
        self._stopping.set()
        self._wake.set()

    def end(self, *, within_seconds: float = 10.0) -> None:
        """Leave, and give back what this process has begun and not ended."""
        self.stop()
        self._left.wait(within_seconds)
        for agent_id in self.agent_ids:
            attempts.give_back(agent_id, self.instance_id)

    def _live(self) -> None:
        while not self._left.is_set():
            self._wake.wait(BEAT_EVERY.total_seconds())
            try:
                self._once()
            except (OperationalError, InterfaceError) as error:
                log.warning("beat not stored", error=type(error).__name__)
                connection.close()
                self._left.wait(1.0)
        connection.close()

    def _once(self) -> None:
        if not self._stopping.is_set():
            self._look_for_hanging()
        if self._stopping.is_set():
            for agent_id in self.agent_ids:
                registration.leave(agent_id, self.instance_id, reason=registration.SIGTERM)
            self._left.set()
        elif registration.beat(self.instance_id) < len(self.agent_ids):
            self._register()  # somebody took an agent off the registry, or the instance was given up

    def _look_for_hanging(self) -> None:
        """Stop this process where a thread is lost to it: one that went on in vain at the last beat and still does.

        A thread cannot be ended, and holds a place that its agent is thought to have. Whoever runs the process starts
        it again; what else it was doing may end, or is given back.
        """
        in_vain = threads.in_vain(clock.now())
        hanging, self._in_vain = in_vain & self._in_vain, in_vain
        for each in hanging:
            log.error("a handler hangs, so the process ends", run=str(each.run_id), step=each.step)
        if hanging:
            self._has_hung = True
            os.kill(os.getpid(), signal.SIGTERM)
