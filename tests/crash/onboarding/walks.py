"""Onboardings during which a worker is killed at every point of a certain kind, each point once."""

import time
from collections import Counter
from datetime import timedelta
from fnmatch import fnmatchcase
from uuid import UUID

import psycopg

from tests.crash.onboarding.points import Point
from tests.crash.onboarding.rig import VAULT, Rig
from tests.platform import OVER, Json

DEADLINE = timedelta(seconds=400)
LAST_WORD = timedelta(seconds=60)
LOOK_EVERY_SECONDS = 0.03
_HANDED_IN = "*/data/mesh-six/logins/*"
# Where the test asks for it, a worker that records the end of a step stops before it commits; it tells when it has.
_STOPS = """
CREATE TABLE IF NOT EXISTS test_held (run_id uuid, step text, PRIMARY KEY (run_id, step));
CREATE OR REPLACE FUNCTION test_stop() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM test_held WHERE run_id = NEW.run_id AND step = NEW.name) THEN
        PERFORM pg_advisory_xact_lock(814814);
    END IF;
    PERFORM pg_notify('test_ended', NEW.run_id || ' ' || NEW.name || ' ' || OLD.lease_owner);
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER test_stop AFTER UPDATE ON durable_steps FOR EACH ROW
    WHEN (OLD.state = 'running' AND NEW.state IN ('done', 'skipped')) EXECUTE FUNCTION test_stop();
"""
_WAITING = """
SELECT activity.client_port FROM pg_locks JOIN pg_stat_activity AS activity USING (pid)
WHERE locktype = 'advisory' AND objid = 814814 AND NOT granted
"""


class TooLong(AssertionError):  # noqa: N818 - reads as a word of the domain
    """The onboarding did not come to its end in time."""


class Walk:
    """One onboarding under kills: `look` is called over and over and kills where a point is reached."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.run_id = ""

    def onboard(self, full_name: str, **ask: object) -> str:
        """Onboard to the very end, with as many sign-ins as it takes; return the run."""
        self.prepare()
        with self.rig.asleep(*self.rig.workers):  # else the first step might end before its trap is set
            self.run_id = self.rig.start(full_name, **ask)
            self.started()
        end = time.monotonic() + DEADLINE.total_seconds()
        while True:
            self.look()
            run = self.rig.run(self.run_id)
            if run["status"] == "completed":
                self._look_on()
                return self.run_id
            if time.monotonic() > end or run["status"] in OVER:
                told = [(row["name"], row["state"], row["error_code"], row["error_detail"]) for row in run["steps"]]
                raise TooLong(f"{run['status']} {self.left()} {told}")
            if run["status"] == "waiting_auth":
                self.sign_in()
            time.sleep(LOOK_EVERY_SECONDS)

    def _look_on(self) -> None:
        """Look for what was reached while the run came to its end: word of the last step may come after the run's."""
        end = time.monotonic() + LAST_WORD.total_seconds()
        while self.left() and time.monotonic() < end:
            self.look()

    def prepare(self) -> None:
        """Set the traps that can be set before the run is there."""

    def started(self) -> None:
        """Set the others."""

    def look(self) -> None:
        """Kill a worker that has reached a point."""

    def left(self) -> object:
        """Return the points that were not reached yet."""

    def sign_in(self) -> None:
        """Do what a person does."""
        self.rig.sign_in(self.run_id)


class AfterEachCall(Walk):
    """Kills the worker once a changing call has had its effect, before it is answered: the call hangs until then."""

    def __init__(self, rig: Rig, points: Counter[Point]) -> None:
        super().__init__(rig)
        self.points = points
        self.hit: Counter[Point] = Counter()
        self._seen: set[tuple[str, int]] = set()

    def prepare(self) -> None:
        """Let each of the calls hang as often as it is a point."""
        self.rig.forget()
        self._arm(self.points)

    def look(self) -> None:
        """Find calls that hang, and kill who made them."""
        for vendor in sorted({point.vendor for point in self.left()}):
            for entry in self.rig.requests(vendor):
                if entry["fault"] == "timeout" and entry["effect"] and (vendor, entry["id"]) not in self._seen:
                    self._seen.add((vendor, entry["id"]))
                    worker = self.rig.holder(entry["port"], self.rig.stack.sandboxes[vendor])
                    assert worker, f"nobody waits for {vendor} {entry['method']} {entry['path']}"
                    self.hit[self._point(vendor, entry)] += 1
                    self.rig.kill_worker(worker)

    def left(self) -> Counter[Point]:
        """Return the calls that have not hung yet."""
        return self.points - self.hit

    def sign_in(self) -> None:
        """Let the web process put into Vault what the person hands in: its call comes before any of a worker."""
        self.rig.sandbox(VAULT, "DELETE", "faults")
        left = Counter({point: count for point, count in self.left().items() if point.vendor == VAULT})
        self._arm(left, passing=_HANDED_IN)
        super().sign_in()

    def _arm(self, points: Counter[Point], *, passing: str = "") -> None:
        for point, times in points.items():
            skip = int(fnmatchcase(point.path, passing))
            self.rig.fault(point.vendor, "timeout", times=times, match=point.match, effect=True, skip=skip)

    def _point(self, vendor: str, entry: Json) -> Point:
        return next(point for point in self.points if point.vendor == vendor and _is_at(point, entry))


class AtEachBoundary(Walk):
    """Kills the worker twice at the end of each step: when all is done but nothing recorded, and once it is recorded.

    For the first a trigger lets the transaction that records the end wait for a lock; the second follows the
    database's word that it is committed.
    """

    def __init__(self, rig: Rig, watching: psycopg.Connection) -> None:
        super().__init__(rig)
        self.before: list[str] = []
        self.after: list[str] = []
        self._steps: set[str] = set()
        self._watching = watching
        watching.execute(_STOPS)
        watching.execute("SELECT pg_advisory_lock(814814)")
        watching.execute("LISTEN test_ended")

    def started(self) -> None:
        """Hold each step of the run."""
        self._steps = {row["name"] for row in self.rig.run(self.run_id)["steps"]}
        self._watching.execute(
            "INSERT INTO test_held SELECT run_id, name FROM durable_steps WHERE run_id = %s", [UUID(self.run_id)]
        )

    def look(self) -> None:
        """Kill who has just recorded the end of a step, and who is about to."""
        for told in self._watching.notifies(timeout=LOOK_EVERY_SECONDS, stop_after=1):
            run_id, step, owner = told.payload.split(" ")
            if run_id == self.run_id and step not in self.after:
                self.after.append(step)
                self._kill(self._worker(int(owner.split(":")[1])))
        for (port,) in self.rig.sql(_WAITING):
            worker = self.rig.holder(int(str(port)), self.rig.database)
            if worker:  # else it was killed for the step that it ended before
                self.before.append(self._let_go(worker))
                self._kill(worker)

    def left(self) -> set[str]:
        """Return the steps at whose end nobody was killed yet, before or after."""
        return self._steps.difference(self.before) | self._steps.difference(self.after)

    def _worker(self, pid: int) -> str | None:
        return next((worker for worker in self.rig.workers if pid in self.rig.pids(worker)), None)

    def _kill(self, worker: str | None) -> None:
        if worker:
            self.rig.kill_worker(worker)

    def _let_go(self, worker: str) -> str:
        """Hold the step that this worker runs no longer; return its name."""
        found = self._watching.execute(
            "DELETE FROM test_held USING durable_steps AS step WHERE test_held.run_id = step.run_id"
            " AND test_held.step = step.name AND step.state = 'running'"
            " AND split_part(step.lease_owner, ':', 2)::int = ANY(%s) RETURNING step.name",
            [self.rig.pids(worker)],
        )
        return str(found.fetchone()[0])  # type: ignore[index] # it waits, so there is one


def _is_at(point: Point, entry: Json) -> bool:
    operations = {each["name"] for each in entry["operations"] or []}
    return (
        point.method == entry["method"]
        and fnmatchcase(entry["path"], point.path)
        and (not point.operation or point.operation in operations)
    )
