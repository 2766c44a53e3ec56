"""A hook's secret is rotated without refusing a delivery, wherever the rotation is killed."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from apps.projects import services as projects
from apps.projects.models import Hook, HookKind, Project
from apps.webhooks.doors import github, known_hooks
from apps.webhooks.doors.calls import Answer, Call
from apps.webhooks.keyring import KEYRING
from apps.webhooks.rotation import services, steps
from apps.webhooks.rotation.workflow import ROTATION
from apps.webhooks.signatures import sign
from deploy.local.servers import OpenBao, Valkey
from meshsix import wiring
from meshsix.durable import stretches
from meshsix.durable.models import Run, StepRow
from meshsix.integrations.github.budget import connect
from meshsix.kit import clock
from meshsix.kit.actor import SYSTEM
from meshsix.kit.names import RepositoryName
from meshsix.live.models import Event
from meshsix.wiring import Clients
from tests.sandbox_github import Sandbox, running_sandbox
from tests.web_process import person, sign_in

OLD = "the secret before"
BODY = b'{"zen": "Keep it logically awesome."}'
PLACE = RepositoryName(owner="octo-org", name="bookmarks")
NAMES = [step.name for phase in ROTATION.phases for step in phase.stretch]  # type: ignore[union-attr] # all are steps
pytestmark = pytest.mark.usefixtures("transactional_db")


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path / "github") as running:
        yield running


@pytest.fixture
def clients(vault_environment: OpenBao, sandbox: Sandbox, broker: Valkey) -> Iterator[Clients]:  # noqa: ARG001 - settings point to it
    wiring.clients.cache_clear()
    KEYRING.forget()
    known_hooks.HOOKS.forget()
    made = wiring.clients()
    made.__dict__["github"] = sandbox.client(connect(broker.url))
    yield made
    wiring.clients.cache_clear()


@pytest.fixture
def hook(clients: Clients) -> Hook:
    project = Project.objects.create(
        owner=PLACE.owner,
        name=PLACE.name,
        service_name="bookmarks",
        repo_url="https://git.example.org/octo-org/bookmarks",
        default_branch="main",
        execution_mode="local",
        env_name="env-x",
    )
    path = f"mesh-six/webhooks/octo-org/{clock.now().timestamp()}"
    data = {"secret": OLD, "owner": "octo-org", "repo": "bookmarks"}
    version = clients.vault.write(path, data, cas=0)
    made = clients.github.hooks.create(PLACE, url="http://127.0.0.1:9/webhooks/github/k", secret=OLD, events=["push"])
    return Hook.objects.create(
        key="0123abc",
        kind=HookKind.REPOSITORY,
        owner="octo-org",
        project=project,
        github_id=made.id,
        secret_path=path,
        secret_version=version,
    )


def believed(secret: str) -> bool:
    """Return whether the door believes a delivery that is signed with this secret."""
    call = Call(
        hook_key="0123abc",
        headers={
            "x-github-event": "ping",
            "x-github-delivery": "1",
            "x-hub-signature-256": sign(BODY, secret.encode()),
        },
        body=BODY,
    )
    return not isinstance(github.judged(call, may_wait=True), Answer)


def kept(hook: Hook, clients: Clients) -> dict[str, str]:
    return dict(clients.vault.read(hook.secret_path).data)


def run_all(run: Run) -> Run:
    """Run all steps of a rotation here, as a worker would."""
    while any(stretches.run(run.pk, name, in_chord=False) for name in NAMES):
        pass
    return Run.objects.get(pk=run.pk)


def test_a_rotation_gives_github_a_new_secret_and_believes_the_old_one_for_a_day(
    hook: Hook, clients: Clients, sandbox: Sandbox
) -> None:
    assert believed(OLD)
    run = run_all(services.rotate(hook, actor=SYSTEM))
    assert run.state == "completed", StepRow.objects.filter(run=run).values_list("name", "state", "error_detail")
    data, version = kept(hook, clients), hook.secret_version or 0
    hook.refresh_from_db()
    assert (hook.secret_version, hook.secret_announced) == (version + 1, None)
    assert data["previous"] == OLD
    assert (data["owner"], data["repo"]) == ("octo-org", "bookmarks")
    asked = [each["path"].rpartition("/")[2] for each in sandbox.requests(changes=True)]
    assert asked[-2:] == ["config", "pings"], "the ping is signed with the new secret"
    assert believed(data["secret"])
    assert believed(OLD)
    with clock.moved(timedelta(hours=25)):
        assert believed(data["secret"])
        assert not believed(OLD)
    told = Event.objects.get(event_type="webhook-secret-rotated")
    assert told.aggregate_id == "project:octo-org/bookmarks"
    assert data["secret"] not in str(told.payload)


def _effects() -> list[Callable[[Hook, Clients], object]]:
    """Return what each step does, alone, as the effect of a step that was killed before its end was recorded."""

    def written(hook: Hook, clients: Clients) -> steps.OfWritten:
        ask = steps.Ask(hook_key=hook.key)
        return steps.OfWritten(ask=ask, write_secret=steps.write_secret(ask, clients))

    def announced(hook: Hook, clients: Clients) -> steps.OfWritten:
        done = written(hook, clients)
        steps.announce_secret(done, clients)
        return done

    def given(hook: Hook, clients: Clients) -> steps.OfWritten:
        done = announced(hook, clients)
        steps.give_secret_to_github(done, clients)
        return done

    def recorded(hook: Hook, clients: Clients) -> None:
        done = given(hook, clients)
        steps.record_rotation(done, clients)
        steps.record_rotation(done, clients)

    def pinged(hook: Hook, clients: Clients) -> None:
        recorded(hook, clients)
        steps.ask_for_ping(
            steps.OfWritten(ask=steps.Ask(hook_key=hook.key), write_secret=steps.Written(version=0)), clients
        )

    return [written, announced, given, recorded, pinged]


@pytest.mark.parametrize("killed_after", range(5), ids=NAMES)
def test_a_rotation_that_was_killed_is_finished_by_the_next_one_with_the_same_secret(
    killed_after: int, hook: Hook, clients: Clients
) -> None:
    assert believed(OLD)
    _effects()[killed_after](hook, clients)
    data = kept(hook, clients)
    assert believed(OLD), "GitHub may still sign with it"
    if killed_after > 0:
        assert believed(data["secret"]), "GitHub may sign with it from now on"
    assert run_all(services.rotate(hook, actor=SYSTEM)).state == "completed"
    after = kept(hook, clients)
    is_finished = killed_after >= 3
    assert (after["secret"] == data["secret"]) is not is_finished, "a finished one is followed by another"
    assert after["previous"] == (data["secret"] if is_finished else OLD)
    assert believed(after["secret"])
    assert believed(after["previous"])
    assert Event.objects.filter(event_type="webhook-secret-rotated").count() == (2 if is_finished else 1)


def test_the_old_secret_of_a_rotation_that_rests_for_days_is_believed_until_a_day_after_its_end(
    hook: Hook, clients: Clients
) -> None:
    steps.write_secret(steps.Ask(hook_key=hook.key), clients)
    with clock.moved(timedelta(hours=20)):
        run_all(services.rotate(hook, actor=SYSTEM))
    with clock.moved(timedelta(hours=40)):
        assert believed(OLD)
    with clock.moved(timedelta(hours=45)):
        assert not believed(OLD)


@pytest.mark.parametrize("by_repair", [False, True])
def test_a_rotation_that_github_does_not_take_refuses_nothing_and_its_day_begins_when_it_does(
    hook: Hook,
    clients: Clients,
    by_repair: bool,  # noqa: FBT001 - parametrised
) -> None:
    ask = steps.Ask(hook_key=hook.key)
    done = steps.OfWritten(ask=ask, write_secret=steps.write_secret(ask, clients))
    steps.announce_secret(done, clients)
    with clock.moved(timedelta(hours=30)):
        assert believed(OLD), "GitHub still signs with it"
        steps.give_secret_to_github(done, clients)
        if by_repair:
            version = done.write_secret.version
            projects.hook_found(hook.key, github_id=hook.github_id or 0, events=["push"], secret_version=version)
        else:
            steps.record_rotation(done, clients)
    with clock.moved(timedelta(hours=50)):
        assert believed(OLD)
    with clock.moved(timedelta(hours=55)):
        assert believed(kept(hook, clients)["secret"])
        assert not believed(OLD)


def test_a_hook_that_is_gone_at_github_ends_the_rotation_and_says_what_to_do(hook: Hook, sandbox: Sandbox) -> None:
    sandbox.rest("DELETE", f"/repos/octo-org/bookmarks/hooks/{hook.github_id}")
    run = run_all(services.rotate(hook, actor=SYSTEM))
    assert (run.state, run.error_code) == ("failed", "webhooks:rotation:no-hook")
    assert "Onboard" in run.error_hint
    assert believed(OLD)


def test_one_rotation_a_hook_at_a_time(hook: Hook) -> None:
    first = services.rotate(hook, actor=SYSTEM)
    with pytest.raises(services.UnderWay) as refusal:
        services.rotate(hook, actor=SYSTEM)
    assert refusal.value.run_id == first.pk


def _post(who: User, path: str, body: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
    answer = Client(headers={"cookie": sign_in(who)}).post(path, data=body or {}, content_type="application/json")
    return answer.status_code, answer.json()


def test_admins_rotate_by_the_api(hook: Hook, settings: Settings) -> None:
    settings.RATE_LIMITS_ON = False
    path = "/api/projects/Octo-Org/bookmarks/rotate-webhook-secret"
    assert _post(person("olga", "operator"), path)[0] == 403
    admin = person("ada", "admin")
    status, told = _post(admin, path)
    assert (status, told["hook"]) == (202, hook.key)
    assert str(Run.objects.get().pk) == told["run_id"]
    assert _post(admin, path)[1]["code"] == "webhooks:rotation:under-way"
    assert _post(admin, path, {"organization": True})[1]["code"] == "webhooks:rotation:no-hook"
    assert _post(admin, "/api/projects/octo-org/none/rotate-webhook-secret")[0] == 404
