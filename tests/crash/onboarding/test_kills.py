"""kill -9 of the worker at every point of an onboarding: it completes, and every vendor holds one of each thing."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import pytest

from tests.crash.onboarding.census import Json, census
from tests.crash.onboarding.points import Point, calls_made
from tests.crash.onboarding.rig import Rig, rig
from tests.crash.onboarding.walks import AfterEachCall, AtEachBoundary

pytestmark = [pytest.mark.acceptance, pytest.mark.xdist_group("onboarding-kills"), pytest.mark.timeout(1500)]

MODES = ["envbuilder", pytest.param("local", marks=pytest.mark.chaos)]
"""The calls and steps of mode local are among those of envbuilder."""
WORKERS = 3


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with rig(tmp_path_factory.mktemp("kills") / "stack", workers=WORKERS) as found:
        yield found


@dataclass(frozen=True)
class Undisturbed:
    """What an onboarding without a fault made, and by which calls."""

    left: Json
    calls: Counter[Point]


def undisturbed(platform: Rig, mode: str) -> Undisturbed:
    """Onboard without a fault."""
    _forget_the_bucket(platform)
    platform.forget()
    full_name = _repository(platform, f"quiet-{mode}")
    run = platform.onboard(full_name, execution_mode=mode)
    calls = calls_made(platform, full_name, f"killed-{mode}/app")
    return Undisturbed(census(platform, run["id"], full_name), calls)


def _repository(platform: Rig, owner: str) -> str:
    """Make a repository of an organization of its own, so that the organization's hook is made for it, too."""
    return platform.repository(owner, name="app", owner_kind="Organization")


def _forget_the_bucket(platform: Rig) -> None:
    platform.sandbox("s3", "POST", "reset", {"what": ["state"]})


@pytest.mark.parametrize("mode", MODES)
def test_a_worker_killed_after_any_changing_call_or_at_the_end_of_any_step_leaves_one_of_each_thing(
    platform: Rig, mode: str
) -> None:
    quiet = undisturbed(platform, mode)
    _forget_the_bucket(platform)
    full_name = _repository(platform, f"killed-{mode}")
    walk = AfterEachCall(platform, quiet.calls)
    run_id = walk.onboard(full_name, execution_mode=mode)
    assert walk.left() == Counter()
    assert census(platform, run_id, full_name) == quiet.left

    full_name = _repository(platform, f"stopped-{mode}")
    with psycopg.connect(platform.database, autocommit=True) as watching:
        ends = AtEachBoundary(platform, watching)
        run_id = ends.onboard(full_name, execution_mode=mode)
    assert ends.left() == set()
    assert census(platform, run_id, full_name) == quiet.left
