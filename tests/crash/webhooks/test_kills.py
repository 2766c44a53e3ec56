"""kill -9 of web or worker between any two steps of a delivery: nothing that was accepted is lost, each move told once.

What was not accepted (GitHub saw the connection break) is found in GitHub's log and redelivered.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import psycopg
import pytest

from tests.crash.onboarding.rig import VAULT, Rig, rig
from tests.platform import eventually

pytestmark = [pytest.mark.acceptance, pytest.mark.xdist_group("webhook-kills"), pytest.mark.timeout(600)]

COLUMNS = ["Planning", "In Progress", "QA", "Review", "In Progress", "QA", "Review", "Planning"]
WORKER = "worker-1"
# Where the test asks for it, a transaction that stores a delivery or records its end waits for a lock; each tells when
# it is committed.
_STOPS = """
CREATE TABLE IF NOT EXISTS test_stops (at text PRIMARY KEY);
CREATE OR REPLACE FUNCTION test_stop_delivery() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.event = 'projects_v2_item' AND EXISTS (SELECT 1 FROM test_stops WHERE at = TG_OP) THEN
        PERFORM pg_advisory_xact_lock(714714);
    END IF;
    IF NEW.event = 'projects_v2_item' THEN
        PERFORM pg_notify('test_delivery', TG_OP);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER test_stored AFTER INSERT ON webhook_deliveries FOR EACH ROW
    EXECUTE FUNCTION test_stop_delivery();
CREATE OR REPLACE TRIGGER test_recorded AFTER UPDATE ON webhook_deliveries FOR EACH ROW
    WHEN (OLD.state IN ('received', 'failed') AND NEW.state NOT IN ('received', 'failed'))
    EXECUTE FUNCTION test_stop_delivery();
"""
_WAITING = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = 714714 AND NOT granted"
_END = """
SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = 714714 AND NOT granted
"""
_TOLD = """
SELECT event_type, payload -> 'facts' ->> 'to' FROM mesh_six_events
WHERE aggregate_id = %s AND event_type IN ('new-todo', 'card-moved', 'card-blocked', 'card-unblocked', 'card-removed')
ORDER BY aggregate_seq
"""
_SETTLED = ("handled", "ignored", "duplicate")


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with rig(tmp_path_factory.mktemp("kills") / "stack", workers=1, WATCH_SWEEP_INTERVAL_SECONDS="1") as found:
        yield found


@dataclass
class Board:
    """A project whose card is moved at GitHub, and the traps on the way of what GitHub tells of it."""

    platform: Rig
    full_name: str
    watching: psycopg.Connection

    # --- what happens ----------------------------------------------------------------------------------------------

    @cached_property
    def admins_token(self) -> str:
        words = ("issue_token", "--for", "demo", "--scope", "operate", "--scope", "admin")
        return self.platform.stack.manage(*words).stdout.strip()

    def move(self, column: str) -> None:
        given = {"repository": self.full_name, "issue": 1, "status": column, "actor": "octo-user"}
        self.platform.sandbox("github", "POST", "cards/move", given)

    def stop_at(self, what: str) -> None:
        """Let the transaction that stores (INSERT) or records (UPDATE) wait; return once one does."""
        self.watching.execute("INSERT INTO test_stops VALUES (%s)", [what])

    def stopped(self) -> bool:
        return bool(self.platform.sql(_WAITING))

    def committed(self, what: str) -> bool:
        return any(told.payload == what for told in self.watching.notifies(timeout=0.05, stop_after=1))

    def hangs(self, vendor: str) -> bool:
        return any(entry["fault"] == "timeout" for entry in self.platform.requests(vendor))

    def kill_web(self) -> None:
        self.platform.stack.kill("web")
        self._let_go()
        self.platform.stack.start_part("web")

    def kill_worker(self) -> None:
        self.platform.stack.kill(WORKER)
        self._let_go()
        # Only time stands between the kill and the end of the lease.
        self.platform.sql("UPDATE webhook_deliveries SET due_at = now() WHERE state IN ('received', 'failed')")
        self.platform.stack.start_part(WORKER)

    def _let_go(self) -> None:
        """Take the traps away; a session that waits for a lock does not notice that its client is gone."""
        self.platform.sql(_END)
        self.watching.execute("DELETE FROM test_stops")
        for vendor in (VAULT, "github"):
            self.platform.sandbox(vendor, "DELETE", "faults")

    def ask_for_what_is_missing(self) -> None:
        """Let GitHub deliver again what broke off, as the gap detector does by itself after a while."""
        headers = {"Authorization": f"Bearer {self.admins_token}"}  # the organization's hook is an admin's
        for hook in self.platform.ask("GET", "/hooks", status=200)["results"]:
            answer = self.platform.http.post(f"/hooks/{hook['id']}/redeliver-missing", headers=headers)
            assert answer.status_code == 202, answer.text

    # --- what came of it -------------------------------------------------------------------------------------------

    def sent(self) -> set[str]:
        """Return the guid of every move that GitHub told of."""
        found = self.platform.sandbox("github", "GET", "deliveries?event=projects_v2_item")["deliveries"]
        return {each["guid"] for each in found}

    def rows(self) -> list[tuple[Any, ...]]:
        return self.platform.sql("SELECT guid, state FROM webhook_deliveries WHERE event = 'projects_v2_item'")

    def settled(self) -> bool:
        """Return whether each delivery that GitHub made is here, and over."""
        rows = self.rows()
        return {guid for guid, _ in rows} == self.sent() and all(state in _SETTLED for _, state in rows)

    def told(self) -> list[str]:
        """Return the columns to which the card was told to move, in order."""
        return [str(to) for _, to in self.platform.sql(_TOLD, f"project:{self.full_name}")]


@pytest.fixture(scope="module")
def board(platform: Rig) -> Iterator[Board]:
    full_name = platform.repository("lossless", name="app", owner_kind="Organization", issues=["First"])
    platform.onboard(full_name, execution_mode="local", skip_auth=True)
    with psycopg.connect(platform.stack.env["DATABASE_URL"], autocommit=True) as watching:
        watching.execute(_STOPS)
        watching.execute("SELECT pg_advisory_lock(714714)")
        watching.execute("LISTEN test_delivery")
        made = Board(platform, full_name, watching)
        eventually(lambda: len(platform.ask("GET", "/hooks", status=200)["results"]) == 2)
        made.move("Todo")
        eventually(lambda: made.told() == ["Todo"])
        yield made


def in_the_insert(board: Board) -> tuple[Callable[[], bool], Callable[[], None]]:
    board.stop_at("INSERT")
    return board.stopped, board.kill_web


def before_the_secret_is_read(board: Board) -> tuple[Callable[[], bool], Callable[[], None]]:
    board.platform.fault(VAULT, "timeout", match={"path": "/v1/secret/data/mesh-six/webhooks/*"})
    board.platform.stack.restart_part("web")  # which keeps no secret now
    board.platform.forget([VAULT])
    return lambda: board.hangs(VAULT), board.kill_web


def once_it_is_stored(board: Board) -> tuple[Callable[[], bool], Callable[[], None]]:
    return lambda: board.committed("INSERT"), board.kill_web


def while_the_worker_looks_at_github(board: Board) -> tuple[Callable[[], bool], Callable[[], None]]:
    board.platform.forget(["github"])
    board.platform.fault("github", "timeout", match={"path": "/graphql", "operation": "card"})
    return lambda: board.hangs("github"), board.kill_worker


def in_the_record(board: Board) -> tuple[Callable[[], bool], Callable[[], None]]:
    board.stop_at("UPDATE")
    return board.stopped, board.kill_worker


def once_it_is_recorded(board: Board) -> tuple[Callable[[], bool], Callable[[], None]]:
    return lambda: board.committed("UPDATE"), board.kill_worker


def once_it_is_queued(board: Board) -> tuple[Callable[[], bool], Callable[[], None]]:
    """Take the worker away beforehand, and the broker's memory once the delivery is stored."""
    board.platform.stack.kill(WORKER)

    def forget_and_kill() -> None:
        board.platform.stack.empty_broker()
        board.kill_worker()

    return lambda: board.committed("INSERT"), forget_and_kill


STEPS = [
    in_the_insert,
    before_the_secret_is_read,
    once_it_is_stored,
    while_the_worker_looks_at_github,
    in_the_record,
    once_it_is_recorded,
    once_it_is_queued,
]


def test_a_kill_between_any_two_steps_loses_no_delivery_and_tells_each_move_once(board: Board) -> None:
    moves = ["Todo"]
    for step, column in zip(STEPS, COLUMNS, strict=False):
        reached, kill = step(board)
        _forget_what_was_committed(board)
        board.move(column)
        eventually(reached, what=f"{step.__name__} was never reached")
        kill()
        moves.append(column)
        board.ask_for_what_is_missing()
        eventually(lambda: board.told() == moves, what=f"{step.__name__}: {board.told()}, not {moves}: {board.rows()}")
    eventually(board.settled, what=f"{board.rows()} of {board.sent()}")
    guids = [guid for guid, _ in board.rows()]
    assert len(guids) == len(set(guids))
    assert board.told() == moves


def _forget_what_was_committed(board: Board) -> None:
    while board.committed("INSERT") or board.committed("UPDATE"):
        pass
