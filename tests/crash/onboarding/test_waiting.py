"""While a run waits for a person it costs nothing, and it outlives a restart of everything three days later."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import redis
from celery import Celery

from tests.crash.onboarding.rig import Rig, rig
from tests.platform import eventually

pytestmark = [pytest.mark.acceptance, pytest.mark.xdist_group("onboarding-waiting"), pytest.mark.timeout(600)]

A_WEEK = timedelta(days=7)
THREE_DAYS = timedelta(days=3)
LOOKS = 5


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    week = str(A_WEEK.total_seconds())
    with rig(tmp_path_factory.mktemp("waiting") / "stack", SIGN_IN_WAIT_SECONDS=week) as found:
        yield found


def test_a_waiting_run_holds_nothing_and_takes_its_code_after_a_restart_of_everything_three_days_later(
    platform: Rig,
) -> None:
    run_id = platform.start(platform.repository(), execution_mode="envbuilder")
    platform.wait(run_id, "waiting_auth")
    eventually(lambda: not _held_for(platform, run_id), what="something is held for the waiting run")
    assert [_held_for(platform, run_id) for _ in range(LOOKS)] == [[]] * LOOKS

    own = [name for name in platform.stack.children if name.startswith(("web", "worker-", "beat-"))]
    servers = ["sandbox", "valkey", "postgres"]
    for name in (*own, *servers):
        platform.stack.stop_part(name)
    platform.stack.move_clock(THREE_DAYS)
    for name in (*reversed(servers), *own):
        platform.stack.start_part(name)
    platform.sign_in_again()

    platform.sign_in(run_id)
    platform.wait(run_id, "completed")


def _held_for(platform: Rig, run_id: str) -> list[str]:
    """Return what is held for the run: tasks that are active, reserved or scheduled, messages, and leases."""
    leases = platform.sql("SELECT name FROM durable_steps WHERE run_id = %s AND lease_until IS NOT NULL", run_id)
    return [*_tasks(platform, run_id), *_messages(platform, run_id), *(f"lease of {name}" for (name,) in leases)]


def _tasks(platform: Rig, run_id: str) -> list[str]:
    app = Celery("test", broker=platform.stack.env["REDIS_URL"], set_as_current=False)
    with app.connection_for_write() as connection:
        look = app.control.inspect(timeout=30, limit=len(platform.workers), connection=connection)
        answers = {"active": look.active(), "reserved": look.reserved(), "scheduled": look.scheduled()}
    app.close()
    assert all(len(answer or ()) == len(platform.workers) for answer in answers.values()), answers
    return [
        f"{kind} {task}"
        for kind, answer in answers.items()
        for tasks in (answer or {}).values()
        for task in tasks
        if run_id in str(task)
    ]


def _messages(platform: Rig, run_id: str) -> list[str]:
    with redis.Redis.from_url(platform.stack.env["REDIS_URL"]) as client:
        found = []
        for key in client.scan_iter():
            kind = client.type(key)
            values = client.lrange(key, 0, -1) if kind == b"list" else client.hvals(key) if kind == b"hash" else []
            found += [key.decode() for value in values if run_id.encode() in value]
    return found
