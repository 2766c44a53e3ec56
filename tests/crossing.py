"""Two transactions that cross: the second begins in the midst of the first, which then goes on."""

import threading
from collections.abc import Callable

from django.db import connection, transaction

DEADLINE_SECONDS = 60


def crossed(begins: Callable[[], object], act: Callable[[], object], ends: Callable[[], object]) -> None:
    """In one transaction do `begins` and `ends`; between them let another thread `act` until it waits or is done.

    Raises what any of them raises: of two that wait for each other, PostgreSQL ends one.
    """
    raised: list[Exception] = []

    def run() -> None:
        try:
            act()
        except Exception as error:  # noqa: BLE001 - raised again below
            raised.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=run, daemon=True)
    try:
        with transaction.atomic():
            begins()
            thread.start()
            _until_waits(thread)
            ends()
    finally:
        thread.join(timeout=DEADLINE_SECONDS)
    assert not thread.is_alive(), "it waits although nobody has what it waits for"
    if raised:
        raise raised[0]


def _until_waits(thread: threading.Thread) -> None:
    pause = threading.Event()
    for _ in range(DEADLINE_SECONDS * 50):
        if not thread.is_alive() or _waiting():
            return
        pause.wait(0.02)
    raise AssertionError("the other thread neither waits nor ends")


def _waiting() -> int:
    """Return how many locks others wait for that this transaction has."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
        )
        return int(cursor.fetchone()[0])
