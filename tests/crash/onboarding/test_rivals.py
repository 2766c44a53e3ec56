"""Two workers and two beats: each effect is made once, also where a worker comes back that was thought to be dead."""

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.crash.onboarding.census import Json, census
from tests.crash.onboarding.points import Point, calls_made
from tests.crash.onboarding.rig import Rig, rig
from tests.platform import eventually

pytestmark = [pytest.mark.acceptance, pytest.mark.xdist_group("onboarding-rivals"), pytest.mark.timeout(600)]

MODE = "envbuilder"
RUNS = 3
STEP_TIMEOUT_SECONDS = "6"
"""Long enough for each step on a busy machine, short enough to wait for the end of a lease."""


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    data = tmp_path_factory.mktemp("rivals") / "stack"
    with rig(data, workers=2, beats=2, ONBOARDING_STEP_TIMEOUT_SECONDS=STEP_TIMEOUT_SECONDS) as found:
        yield found


def test_two_workers_and_two_beats_make_each_effect_once(platform: Rig) -> None:
    names = [platform.repository(f"rival{n}", name="app", owner_kind="Organization") for n in range(RUNS)]
    platform.forget()
    runs = [platform.start(name, execution_mode="local") for name in names]
    for run_id in runs:
        platform.sign_in(run_id)
    for run_id in runs:
        platform.wait(run_id, "completed")
    made = Counter({point: count for point, count in _calls(platform).items() if "/*" not in point.path})
    creating = {"createBoard": RUNS, "createBoardField": 4 * RUNS, "setBoardReadme": RUNS, "commitFiles": RUNS}
    assert {name: made[_graphql(name)] for name in creating} == creating
    owned = {point: count for point, count in made.items() if "rival" in point.path}
    assert owned
    assert set(owned.values()) == {1}


def test_a_worker_that_wakes_up_after_its_lease_can_neither_write_nor_make_the_effect_again(platform: Rig) -> None:
    quiet = _quiet(platform)
    full_name = platform.repository("sleepy", name="app", owner_kind="Organization")
    platform.forget()
    # It has seen that there is no board, and would make one next.
    platform.fault("github", "slow", match={"operation": "linkedBoards"}, seconds=5)
    run_id = platform.start(full_name, execution_mode=MODE)
    [sleeper] = eventually(lambda: _callers(platform, "linkedBoards"))
    with platform.asleep(sleeper):
        platform.sign_in(run_id)
        platform.wait(run_id, "completed")
    eventually(platform.stack.children[sleeper].logged("result thrown away"), what="the sleeper wrote its result")
    assert census(platform, run_id, full_name) == quiet
    assert platform.run(run_id)["status"] == "completed"
    calls = _calls(platform)
    assert (calls[_graphql("createBoard")], calls[_graphql("createBoardField")]) == (1, 4)


def _quiet(platform: Rig) -> Json:
    full_name = platform.repository("quiet", name="app", owner_kind="Organization")
    return census(platform, platform.onboard(full_name, execution_mode=MODE)["id"], full_name)


def _calls(platform: Rig) -> Counter[Point]:
    return calls_made(platform, "nobody/nothing", "nobody/nothing")


def _graphql(operation: str) -> Point:
    return Point(vendor="github", method="POST", path="/graphql", operation=operation)


def _callers(platform: Rig, operation: str) -> list[str]:
    """Return the workers that wait for the answer to this operation."""
    github = platform.stack.sandboxes["github"]
    waits = [
        platform.holder(entry["port"], github)
        for entry in platform.requests("github")
        if operation in {each["name"] for each in entry["operations"] or []} and entry["status"] is None
    ]
    return [worker for worker in waits if worker]
