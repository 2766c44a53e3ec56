"""A part of the platform is lost in mid-run, over and over: the run is delayed by seconds and ends as it would have."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx
import pytest
import redis

from tests.crash.onboarding.census import Json, census
from tests.crash.onboarding.rig import VAULT, Rig, rig
from tests.platform import eventually

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.xdist_group("onboarding-outages"),
    pytest.mark.timeout(600),
]

MODE = "envbuilder"
AT_ONCE_SECONDS, SLOWER_AT_MOST, TRIES = 2.0, 5, 3
"""A request that waited for a dead broker would take 6 s and more; on a busy machine every request takes long."""


@dataclass(frozen=True, kw_only=True)
class Moment:
    """A call during which something else breaks. Two that follow each other are of different vendors."""

    vendor: str
    match: Json


MOMENTS = (
    Moment(vendor="github", match={"operation": "createBoard"}),
    Moment(vendor=VAULT, match={"path": "*/mesh-six/webhooks/_organizations/*", "changes": True}),
    Moment(vendor="github", match={"path": "/repos/*/app/pulls", "changes": True}),
    Moment(vendor="argocd", match={"path": "*/sync", "changes": True}),
    Moment(vendor="litellm", match={"path": "/key/generate"}),
)


def _restarted(part: str) -> Callable[[Rig], None]:
    return lambda platform: platform.stack.restart_part(part)


def _killed(part: str) -> Callable[[Rig], None]:
    def kill(platform: Rig) -> None:
        platform.stack.kill(part)
        platform.stack.start_part(part)

    return kill


OUTAGES: dict[str, Callable[[Rig], None]] = {
    "the broker is emptied": lambda platform: platform.stack.empty_broker(),
    "the broker is killed": _killed("valkey"),
    "the database is restarted": _restarted("postgres"),
    "the database is killed": _killed("postgres"),
    "the web process is killed": _killed("web"),
    "beat is killed": _killed("beat-1"),
    "the vendors are killed": _killed("sandbox"),
}
EVERY_DAY = {"the broker is emptied", "the database is killed", "the vendors are killed"}
CASES = [each if each in EVERY_DAY else pytest.param(each, marks=pytest.mark.chaos) for each in OUTAGES]


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with rig(tmp_path_factory.mktemp("outages") / "stack", workers=2) as found:
        yield found


@pytest.fixture(scope="module")
def quiet(platform: Rig) -> Json:
    """What an onboarding without any outage leaves."""
    full_name = platform.repository("quiet", name="app", owner_kind="Organization")
    return census(platform, platform.onboard(full_name, execution_mode=MODE)["id"], full_name)


@pytest.mark.parametrize("outage", CASES)
def test_whatever_is_lost_in_mid_run_delays_it_by_seconds(platform: Rig, quiet: Json, outage: str) -> None:
    owner = outage.replace(" ", "-")
    full_name = platform.repository(owner, name="app", owner_kind="Organization")
    _hold(platform, MOMENTS[0])
    run_id = platform.start(full_name, execution_mode=MODE)
    for number, moment in enumerate(MOMENTS):
        _until_held(platform, moment)
        OUTAGES[outage](platform)
        for later in MOMENTS[number + 1 : number + 2]:
            _hold(platform, later)
        platform.sandbox(moment.vendor, "DELETE", "faults")
    eventually(lambda: _status(platform, run_id) == "waiting_auth")
    OUTAGES[outage](platform)
    eventually(lambda: _status(platform, run_id) == "waiting_auth")
    platform.sign_in(run_id)
    eventually(lambda: _status(platform, run_id) == "completed")
    assert census(platform, run_id, full_name) == quiet


def test_a_run_whose_only_message_is_lost_starts_all_the_same(platform: Rig) -> None:
    full_name = platform.repository("unheard", name="app", owner_kind="Organization")
    for worker in platform.workers:
        platform.stack.stop_part(worker)
    run_id = platform.start(full_name, execution_mode="local", skip_auth=True)
    with redis.Redis.from_url(platform.stack.env["REDIS_URL"]) as client:
        eventually(lambda: client.llen("onboarding"), what="no message was sent")
    platform.stack.empty_broker()
    for worker in platform.workers:
        platform.stack.start_part(worker)
    platform.wait(run_id, "completed")


def test_a_dead_broker_neither_blocks_nor_fails_the_request_and_the_run_starts_when_it_is_back(platform: Rig) -> None:
    platform.stack.env["RATE_LIMITS_ON"] = "true"  # they stand in the broker, too
    platform.stack.restart_part("web")
    usual, _ = _started(platform, "broker-there")
    took: list[float] = []
    try:
        while not took or (took[-1] >= AT_ONCE_SECONDS + SLOWER_AT_MOST * usual and len(took) < TRIES):
            seconds, run_id = _started_without_broker(platform, f"brokerless-{len(took)}")
            took.append(seconds)
    finally:
        platform.stack.env["RATE_LIMITS_ON"] = "false"
    assert took[-1] < AT_ONCE_SECONDS + SLOWER_AT_MOST * usual, (took, usual)
    platform.wait(run_id, "completed")


def test_a_refused_sign_in_at_vault_is_shown_with_its_hint_and_resumed_after_the_repair(platform: Rig) -> None:
    full_name = platform.repository("locked-out", name="app", owner_kind="Organization")
    right = platform.stack.env["VAULT_SECRET_ID"]
    _with_secret_id(platform, "wrong")
    try:
        run_id = platform.start(full_name, execution_mode="local", skip_auth=True)
        failed = platform.wait(run_id, "failed")
    finally:
        _with_secret_id(platform, right)
    assert failed["error_code"].startswith("vault:")
    assert "VAULT_SECRET_ID" in failed["error_hint"]
    platform.ask("POST", f"/onboard/{run_id}/resume", {}, status=202)
    platform.wait(run_id, "completed")


def _started(platform: Rig, owner: str) -> tuple[float, str]:
    """Ask for an onboarding; return how many seconds that took, and its id."""
    full_name = platform.repository(owner, name="app", owner_kind="Organization")
    began = time.monotonic()
    run_id = platform.start(full_name, execution_mode="local", skip_auth=True)
    return time.monotonic() - began, run_id


def _started_without_broker(platform: Rig, owner: str) -> tuple[float, str]:
    platform.stack.kill("valkey")
    try:
        return _started(platform, owner)
    finally:
        platform.stack.start_part("valkey")


def _with_secret_id(platform: Rig, value: str) -> None:
    platform.stack.env["VAULT_SECRET_ID"] = value
    for part in ("web", *platform.workers):
        platform.stack.restart_part(part)


def _hold(platform: Rig, moment: Moment) -> None:
    """Let the next such call have its effect and wait for its answer until `DELETE faults`."""
    platform.marks.pop(moment.vendor, None)  # a vendor that was killed counts from 1 again
    platform.forget([moment.vendor])
    platform.fault(moment.vendor, "timeout", match=moment.match, effect=True)


def _until_held(platform: Rig, moment: Moment) -> None:
    def is_held() -> bool:
        return any(entry["fault"] == "timeout" and entry["effect"] for entry in platform.requests(moment.vendor))

    eventually(is_held, what=f"{moment} was never reached")


def _status(platform: Rig, run_id: str) -> str:
    """Return the run's status as the API tells it, empty while the API is away."""
    try:
        answer = platform.http.get(f"/onboard/{run_id}")
    except httpx.HTTPError:
        return ""
    status = str(answer.json()["status"]) if answer.is_success else ""
    assert status not in {"failed", "cancelled"}, answer.text
    return status
