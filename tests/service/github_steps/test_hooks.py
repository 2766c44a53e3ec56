"""The webhooks exist once, are proved by a real ping through our own door, and a second run only reads."""

import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from apps.onboarding.steps.hooks import register_webhook
from apps.onboarding.steps.secrets import register_webhook_secret
from apps.onboarding.words import BoardEvents, HooksReady, HooksWanted, Registered, SecretWanted
from apps.projects.models import Hook, Project
from apps.webhooks import handling, keyring
from apps.webhooks.doors import known_hooks
from apps.webhooks.models import Delivery
from deploy.local.servers import OpenBao
from meshsix import wiring
from meshsix.durable.definition import Answer, StepFacts
from meshsix.durable.outcomes import Permanent, WaitFor
from meshsix.integrations.errors import TryLater
from meshsix.kit import names
from tests.github_bench import Bench

BOTH = ["octo-org", "octo-org/bookmarks"]


@pytest.fixture
def _platform(live_server: LiveServer, vault_environment: OpenBao, settings: Settings) -> Iterator[None]:  # noqa: ARG001 - settings point to it
    settings.PUBLIC_URL = live_server.url
    wiring.clients.cache_clear()
    keyring.KEYRING.forget()
    known_hooks.HOOKS.forget()
    yield
    wiring.clients.cache_clear()


@pytest.fixture
def start(bench: Bench, this: StepFacts, _platform: None) -> Callable[[str], HooksWanted]:
    def started(full_name: str) -> HooksWanted:
        access = bench.access(full_name)
        for path in (names.webhook_path(access.repository), names.organization_webhook_path(access.owner)):
            bench.clients.vault.remove(path)
        env_name = f"env-{uuid.uuid4().hex[:12]}"
        project = Project.objects.create(
            owner=access.owner,
            name=access.name,
            service_name=access.name,
            repo_url=access.html_url,
            default_branch=access.default_branch,
            execution_mode="local",
            env_name=env_name,
        )
        return HooksWanted(
            ask=bench.ask(full_name),
            validate_repo=access,
            register_webhook_secret=register_webhook_secret(SecretWanted(validate_repo=access), bench.clients),
            register_in_database=Registered(
                project_id=str(project.pk), env_name=env_name, credential_project_id=env_name, created=True
            ),
            answer=None,
            this=this,
        )

    return started


@pytest.fixture
def wanted(start: Callable[[str], HooksWanted]) -> HooksWanted:
    return start("octo-org/bookmarks")


def hooks(bench: Bench) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = bench.sandbox.state()["hooks"]
    return sorted(found, key=lambda hook: str(hook["on"]))


def ping_arrived(key: str) -> None:
    """Wait until a delivery of this hook came in, and handle it."""
    pause = threading.Event()
    for _ in range(1000):
        for delivery in Delivery.objects.filter(hook=key):
            handling.handle(delivery.pk)
        if Hook.objects.filter(pk=key, verified_at__isnull=False).exists():
            return
        pause.wait(0.01)
    raise AssertionError("no ping came")


def finish(bench: Bench, wanted: HooksWanted) -> HooksReady:
    """Run the step to its end, as the engine does: each wait is answered by a ping."""
    for _ in range(4):
        try:
            return register_webhook(wanted, bench.clients)
        except WaitFor as wait:
            ping_arrived(wait.name.removeprefix("hook-ping:"))
            wanted = replace(wanted, answer=Answer(id="1", name=wait.name, payload={}))
    raise AssertionError("the step waits for ever")


def test_an_organization_gets_two_hooks_that_really_reach_us(bench: Bench, wanted: HooksWanted) -> None:
    with pytest.raises(WaitFor):
        register_webhook(wanted, bench.clients)
    ready = finish(bench, wanted)
    assert [hook["on"] for hook in hooks(bench)] == BOTH
    assert hooks(bench)[0]["events"] == ["meta", "projects_v2_item", "repository"]
    assert len(hooks(bench)[1]["events"]) == 10
    assert ready.board_events is BoardEvents.WEBHOOK
    assert ready.repository_hook_id != ready.organization_hook_id
    assert all(hook.verified_at for hook in Hook.objects.all())
    keys = {hook["url"].rsplit("/", 1)[1] for hook in hooks(bench)}
    assert keys == set(Hook.objects.values_list("key", flat=True))
    assert all(len(key) == 32 for key in keys)


def test_hooks_lead_to_a_door_of_its_own_where_there_is_one(
    bench: Bench, wanted: HooksWanted, settings: Settings
) -> None:
    settings.WEBHOOK_URL, settings.PUBLIC_URL = settings.PUBLIC_URL, "http://127.0.0.1:1"
    finish(bench, wanted)
    assert [hook["on"] for hook in hooks(bench)] == BOTH
    assert all(hook["url"].startswith(f"{settings.WEBHOOK_URL}/webhooks/github/") for hook in hooks(bench))


def test_a_user_gets_one_hook_and_a_board_that_is_polled(bench: Bench, start: Callable[[str], HooksWanted]) -> None:
    ready = finish(bench, start("octo-user/notes"))
    assert [hook["on"] for hook in hooks(bench)] == ["octo-user/notes"]
    assert (ready.organization_hook_id, ready.board_events) == (None, BoardEvents.POLL)


def test_a_second_run_only_reads_and_asks_for_no_ping(bench: Bench, wanted: HooksWanted) -> None:
    first = finish(bench, wanted)
    bench.sandbox.forget_requests()
    second = register_webhook(wanted, bench.clients)
    assert not bench.sandbox.requests(changes=True)
    assert second == replace(first, changed=False)


def test_a_second_repository_shares_the_hook_of_its_organization(
    bench: Bench, wanted: HooksWanted, start: Callable[[str], HooksWanted]
) -> None:
    first = finish(bench, wanted)
    secret = bench.clients.vault.read(names.organization_webhook_path("octo-org"))
    other = start("octo-org/handbook")
    bench.clients.vault.write(secret.path, secret.data, cas=0)
    second = finish(bench, other)
    assert second.organization_hook_id == first.organization_hook_id
    assert len(hooks(bench)) == 3


@pytest.mark.parametrize("path", ["/repos/*/hooks", "/orgs/*/hooks"])
@pytest.mark.parametrize("kind", ["drop-before-effect", "drop-after-effect", "status"])
def test_a_failure_while_a_hook_is_made_leaves_one(bench: Bench, wanted: HooksWanted, path: str, kind: str) -> None:
    bench.sandbox.fault(kind, match={"method": "POST", "path": path})
    with pytest.raises(TryLater):
        register_webhook(wanted, bench.clients)
    finish(bench, wanted)
    assert [hook["on"] for hook in hooks(bench)] == BOTH


def test_a_crash_between_making_and_recording_leaves_one(bench: Bench, wanted: HooksWanted) -> None:
    with pytest.raises(WaitFor):
        register_webhook(wanted, bench.clients)
    Hook.objects.update(github_id=None, secret_version=None, verified_at=None)
    finish(bench, wanted)
    assert [hook["on"] for hook in hooks(bench)] == BOTH


@pytest.mark.parametrize("kind", ["rate-limit-primary", "rate-limit-secondary"])
def test_a_limit_waits_and_counts_no_attempt(bench: Bench, wanted: HooksWanted, kind: str) -> None:
    bench.sandbox.fault(kind, match={"method": "POST", "path": "/repos/*/hooks"}, seconds=1)
    with pytest.raises(TryLater) as caught:
        register_webhook(wanted, bench.clients)
    assert not caught.value.counts


def test_a_ping_that_was_lost_is_asked_for_again(bench: Bench, wanted: HooksWanted, settings: Settings) -> None:
    here = settings.PUBLIC_URL
    settings.PUBLIC_URL = "http://127.0.0.1:1"
    with pytest.raises(WaitFor) as wait:
        register_webhook(wanted, bench.clients)
    late = replace(wanted, answer=Answer(id="1", name=wait.value.name, payload={}, timed_out=True))
    bench.sandbox.forget_requests()
    with pytest.raises(WaitFor):
        register_webhook(late, bench.clients)
    assert [request["path"].rpartition("/")[2] for request in bench.sandbox.requests(changes=True)] == ["pings"]
    began = wanted.this.first_started_at - settings.HOOK_PING_WAIT
    with pytest.raises(Permanent) as caught:
        register_webhook(replace(late, this=replace(wanted.this, first_started_at=began)), bench.clients)
    assert caught.value.code == "onboard:hook:no-ping"
    assert "PUBLIC_URL" in caught.value.hint
    settings.PUBLIC_URL = here
    finish(bench, wanted)
    assert [hook["on"] for hook in hooks(bench)] == BOTH
    assert all(hook["url"].startswith(here) for hook in hooks(bench))


def test_what_people_changed_on_a_hook_is_brought_back(bench: Bench, wanted: HooksWanted) -> None:
    ready = finish(bench, wanted)
    path = f"/repos/octo-org/bookmarks/hooks/{ready.repository_hook_id}"
    bench.sandbox.rest("PATCH", path, {"active": False, "events": ["fork"]})
    finish(bench, wanted)
    assert hooks(bench)[1]["active"]
    assert "fork" in hooks(bench)[1]["events"], "what people added stays"
    assert "issues" in hooks(bench)[1]["events"]


def test_a_deleted_hook_is_made_again(bench: Bench, wanted: HooksWanted) -> None:
    ready = finish(bench, wanted)
    bench.sandbox.rest("DELETE", f"/repos/octo-org/bookmarks/hooks/{ready.repository_hook_id}")
    again = finish(bench, wanted)
    assert again.repository_hook_id != ready.repository_hook_id
    assert len(hooks(bench)) == 2


def test_a_used_up_limit_of_hooks(bench: Bench, wanted: HooksWanted) -> None:
    for number in range(20):
        config = {"url": f"http://127.0.0.1:1/{number}", "content_type": "json"}
        bench.sandbox.rest("POST", "/repos/octo-org/bookmarks/hooks", {"config": config, "events": ["push"]})
    with pytest.raises(Permanent) as caught:
        register_webhook(wanted, bench.clients)
    assert caught.value.code == "onboard:hook:limit"


@pytest.mark.parametrize("path", ["/repos/*/hooks", "/orgs/*/hooks"])
@pytest.mark.parametrize("status", [403, 404])
def test_no_right_to_manage_hooks(bench: Bench, wanted: HooksWanted, path: str, status: int) -> None:
    bench.sandbox.fault("status", match={"path": path}, status=status, times=None)
    with pytest.raises(Permanent) as caught:
        register_webhook(wanted, bench.clients)
    assert caught.value.code == "onboard:hook:no-right"
