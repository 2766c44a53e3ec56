"""The door for GitHub believes signatures only, stores each delivery once and never waits for what follows."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from apps.projects.models import Hook, HookKind, Project
from apps.webhooks import handling, keyring, replays, services, tasks
from apps.webhooks.doors import known_hooks
from apps.webhooks.doors.known_hooks import Place
from apps.webhooks.models import Delivery
from apps.webhooks.signatures import sign
from apps.webhooks.states import DeliveryState
from deploy.local.servers import OpenBao, Valkey
from meshsix import wiring
from meshsix.durable.models import Answer
from meshsix.integrations.errors import Refused, TryLater
from meshsix.kit import clock
from meshsix.kit.actor import SYSTEM

SECRET = "It's a Secret to Everybody"
PING = json.dumps({"zen": "Keep it logically awesome.", "hook_id": 7}).encode()
PLACE = "/webhooks/github"
pytestmark = pytest.mark.usefixtures("hook")


@pytest.fixture(autouse=True)
def _clients(vault_environment: OpenBao) -> Iterator[None]:  # noqa: ARG001 - settings point to it
    wiring.clients.cache_clear()
    keyring.KEYRING.forget()
    known_hooks.HOOKS.forget()
    yield
    wiring.clients.cache_clear()


@pytest.fixture
def hook(transactional_db: None) -> Hook:  # noqa: ARG001 - commits are real
    project = Project.objects.create(
        owner="octo-org",
        name="bookmarks",
        service_name="bookmarks",
        repo_url="https://git.example.org/octo-org/bookmarks",
        default_branch="main",
        execution_mode="local",
        env_name="env-x",
    )
    path = f"mesh-six/webhooks/octo-org/{clock.now().timestamp()}"
    wiring.clients().vault.write(path, {"secret": SECRET}, cas=0)
    return Hook.objects.create(
        key="0123abc", kind=HookKind.REPOSITORY, owner="octo-org", project=project, github_id=7, secret_path=path
    )


def send(
    body: bytes = PING,
    *,
    place: str = f"{PLACE}/0123abc",
    secret: str = SECRET,
    guid: str = "72d3162e-cc78-11e3-81ab-4c9367dc0958",
    event: str = "ping",
    headers: dict[str, str] | None = None,
) -> tuple[int, str]:
    sent = {
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": guid,
        "X-GitHub-Hook-ID": "7",
        "X-Hub-Signature-256": sign(body, secret.encode()),
    }
    answer = Client(raise_request_exception=False).post(
        place, data=body, content_type="application/json", headers=sent | (headers or {})
    )
    return answer.status_code, answer.json()["status"]


def handle_all() -> None:
    for delivery in Delivery.objects.all():
        tasks.handle_delivery.apply(args=(str(delivery.pk),))


def test_a_ping_proves_the_hook_and_answers_the_step_that_waits(hook: Hook) -> None:
    assert send() == (202, "accepted")
    handle_all()
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.project, delivery.hook) == (DeliveryState.HANDLED, hook.project, hook)
    assert delivery.body == json.loads(PING)
    assert "X-Hub-Signature-256" not in delivery.headers
    hook.refresh_from_db()
    assert hook.verified_at is not None
    assert Answer.objects.get().name == f"hook-ping:{hook.key}"


def test_a_hook_is_found_by_its_number_too(hook: Hook) -> None:
    assert send(place=PLACE) == (202, "accepted")
    assert Delivery.objects.get().hook == hook


def test_a_repeated_delivery_is_answered_but_not_stored_twice() -> None:
    assert send() == (202, "accepted")
    assert send() == (200, "duplicate")
    handle_all()
    assert send() == (200, "duplicate")
    assert Delivery.objects.count() == 1


def test_handling_twice_reacts_once() -> None:
    send()
    handle_all()
    first = Delivery.objects.get()
    handle_all()
    assert Delivery.objects.get().attempts == first.attempts == 1
    assert Answer.objects.count() == 1


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ("issues", "malformed: issue is no object"),
        ("star", "stars decide nothing here"),
        ("label", "labels are read from the issue itself when they matter"),
    ],
)
def test_events_that_need_nothing_are_stored_and_ignored_with_a_reason(event: str, reason: str) -> None:
    assert send(b'{"action": "opened"}', event=event) == (202, "accepted")
    handle_all()
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.reason, delivery.action) == (DeliveryState.IGNORED, reason, "opened")


def test_an_unknown_event_is_ignored_as_such() -> None:
    send(b"{}", event="something_new")
    handle_all()
    assert Delivery.objects.get().reason == "unknown event"


@pytest.mark.parametrize(
    "signature",
    ["", "sha1=01dc10d0c83e72ed246219cdd91669667fe2ca59", sign(PING, SECRET.encode())[:-1], sign(PING, b"wrong")],
    ids=["missing", "sha1", "truncated", "wrong"],
)
def test_without_a_good_signature_nothing_is_stored(signature: str) -> None:
    assert send(headers={"X-Hub-Signature-256": signature}) == (401, "unauthorized")
    assert not Delivery.objects.exists()


def test_an_old_signature_alone_is_not_believed() -> None:
    headers = {"X-Hub-Signature": "sha1=01dc10d0c83e72ed246219cdd91669667fe2ca59", "X-Hub-Signature-256": ""}
    assert send(headers=headers) == (401, "unauthorized")


def test_a_changed_byte_is_refused() -> None:
    signature = sign(PING, SECRET.encode())
    assert send(PING + b" ", headers={"X-Hub-Signature-256": signature}) == (401, "unauthorized")


@pytest.mark.parametrize("place", [f"{PLACE}/ffff", PLACE])
def test_an_unknown_hook_answers_as_a_bad_signature_does(place: str) -> None:
    assert send(place=place, headers={"X-GitHub-Hook-ID": "8"}) == (401, "unauthorized")
    assert not Delivery.objects.exists()


@pytest.mark.parametrize("number", ["", "x", "-7", "99999999999999999999", "\u0667"])
def test_odd_hook_numbers_name_no_hook(number: str) -> None:
    answer = Client().post(
        PLACE, data=PING, content_type="application/json", HTTP_X_GITHUB_HOOK_ID=number, HTTP_X_GITHUB_EVENT="ping"
    )
    assert answer.status_code == 401


def test_the_platform_wide_hook_signs_with_its_own_secret(settings: Settings) -> None:
    settings.GITHUB_WEBHOOK_SECRET = "of the app"
    elsewhere = {"X-GitHub-Hook-ID": "4711"}
    assert send(place=PLACE, secret="of the app", headers=elsewhere) == (202, "accepted")
    assert send(place=PLACE, secret="of the app", headers=elsewhere) == (200, "duplicate")
    handle_all()
    assert Delivery.objects.get().hook is None
    assert send(secret="of the app") == (401, "unauthorized")


def test_what_strangers_make_up_is_not_kept(hook: Hook) -> None:
    assert send() == (202, "accepted")
    for number in ("8", "9"):
        assert send(place=PLACE, headers={"X-GitHub-Hook-ID": number}) == (401, "unauthorized")
    assert send(place=f"{PLACE}/ffff") == (401, "unauthorized")
    now = clock.now() - timedelta(seconds=1)  # it is kept for two
    unknown = (Place(number="8"), Place(number="9"), Place(key="ffff"))
    assert [known_hooks.HOOKS.kept(place, now=now) for place in unknown] == [None] * 3
    assert known_hooks.HOOKS.kept(Place(key=hook.key), now=now) is not None


def test_long_digits_in_a_text_are_no_number() -> None:
    digits = "7" * 5000
    assert send(json.dumps({"a": digits, "b": int(digits[:4300])}).encode()) == (202, "accepted")
    assert Delivery.objects.get().body["a"] == digits


def test_a_body_beyond_the_cap_is_refused_by_its_declared_length() -> None:
    answer = Client().post(
        f"{PLACE}/0123abc", data=b"{}", content_type="application/json", CONTENT_LENGTH=str(30 * 1024 * 1024)
    )
    assert answer.status_code == 413


def test_the_largest_body_that_github_sends_is_taken() -> None:
    body = b'{"x": "' + b"y" * (25 * 1024 * 1024 - 9) + b'"}'
    assert len(body) == 25 * 1024 * 1024
    assert send(body, event="push") == (202, "accepted")
    assert send(body + b" ", event="push", guid="2") == (413, "too large")
    assert len(Delivery.objects.get().payload) < 1_000_000


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"a": \xff}',
        b"[" * 100_000,
        "{}".encode("utf-16"),
        b'{"a": -' + b"7" * 4301 + b"}",
    ],
    ids=["nothing", "half", "list", "no text", "deep", "utf-16", "endless number"],
)
def test_what_is_no_object_of_json_is_malformed_though_signed(body: bytes) -> None:
    assert send(body) == (400, "malformed")
    assert not Delivery.objects.exists()


@pytest.mark.parametrize("headers", [{"X-GitHub-Event": ""}, {"X-GitHub-Delivery": ""}, {"X-GitHub-Event": "x" * 61}])
def test_without_its_headers_a_delivery_is_malformed(headers: dict[str, str]) -> None:
    assert send(headers=headers) == (400, "malformed")


@pytest.mark.parametrize("action", ["\u0000", "x" * 61, 7, None, {}])
def test_an_odd_action_is_left_out(action: object) -> None:
    assert send(json.dumps({"action": action}).encode(), event="issues") == (202, "accepted")
    assert Delivery.objects.get().action == ""


def test_only_posts_are_taken() -> None:
    assert Client().get(f"{PLACE}/0123abc").status_code == 405


def test_while_vault_is_away_nothing_is_believed_and_nothing_is_lost(settings: Settings) -> None:
    settings.VAULT_ADDR = "http://127.0.0.1:1"
    wiring.clients.cache_clear()
    assert send() == (503, "try again later")
    assert not Delivery.objects.exists()


def test_a_secret_that_was_read_lately_outlives_vault(settings: Settings) -> None:
    assert send(guid="1") == (202, "accepted")
    settings.VAULT_ADDR = "http://127.0.0.1:1"
    wiring.clients.cache_clear()
    assert send(guid="2") == (202, "accepted")
    with clock.moved(timedelta(minutes=6)):
        assert send(guid="3") == (503, "try again later")


def test_a_hook_without_a_secret_in_vault_is_not_believed(settings: Settings) -> None:
    Hook.objects.update(secret_path="mesh-six/webhooks/octo-org/nothing-here")
    assert send() == (401, "unauthorized")
    settings.VAULT_ADDR = "http://127.0.0.1:1"
    wiring.clients.cache_clear()
    assert send() == (401, "unauthorized")


def test_a_rotated_secret_counts_at_once(hook: Hook) -> None:
    assert send(guid="1") == (202, "accepted")
    version = wiring.clients().vault.write(hook.secret_path, {"secret": "new"}, cas=1)
    Hook.objects.update(secret_version=version)
    assert send(guid="2", secret="new") == (202, "accepted")
    assert send(guid="3") == (401, "unauthorized")


def test_a_dead_broker_loses_no_delivery(broker: Valkey) -> None:
    broker.child.kill()
    try:
        assert send() == (202, "accepted")
    finally:
        broker.start()
    assert services.recover() == 0
    with clock.moved(timedelta(seconds=10)):
        assert services.recover() == 1
        handle_all()
    assert Delivery.objects.get().state == DeliveryState.HANDLED


def test_failed_handling_is_tried_again_later_and_given_up_in_the_end() -> None:
    send()
    delivery = Delivery.objects.get()
    for attempt in range(1, 9):
        with clock.moved(timedelta(hours=attempt)):
            claim = handling.claimed(delivery.pk)
            assert claim is not None
            assert claim.attempt == attempt
            handling.failed(claim, ValueError("token ghp_0123456789abcdefghij"), chance=0.5)
            delivery.refresh_from_db()
            assert delivery.state == (DeliveryState.FAILED if attempt < 8 else DeliveryState.DEAD)
            assert "ghp_" not in delivery.error
            if attempt < 8:
                assert delivery.due_at > clock.now()
                handling.handle(delivery.pk)
                assert Delivery.objects.get().state == DeliveryState.FAILED, "not before it is due"
    assert [each["result"] for each in delivery.history] == ["raised"] * 7 + ["gave-up"]


def test_waiting_for_github_is_seen_and_counts_no_attempt() -> None:
    send()
    delivery = Delivery.objects.get()
    for _ in range(12):
        with clock.moved(delivery.due_at - clock.now() + timedelta(seconds=1)):
            claim = handling.claimed(delivery.pk)
            assert claim is not None
            busy = TryLater("The budget is used up.", pause=timedelta(minutes=20), counts=False, vendor="github")
            handling.failed(claim, busy, chance=0.5)
        delivery.refresh_from_db()
        assert (delivery.state, delivery.attempts) == (DeliveryState.RECEIVED, 0)
        assert delivery.reason.startswith("waits for GitHub")
        assert delivery.error == "The budget is used up."


def test_what_github_refuses_for_good_is_not_tried_again() -> None:
    send()
    claim = handling.claimed(Delivery.objects.get().pk)
    assert claim is not None
    refusal = Refused("It may not be read.", code="github:forbidden", hint="Give the token the scope.")
    handling.failed(claim, refusal, chance=0.5)
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.error_code) == (DeliveryState.DEAD, "github:forbidden")
    assert delivery.error_hint == "Give the token the scope."


def test_a_change_of_state_leaves_the_payload_where_it_is() -> None:
    send()
    with CaptureQueriesContext(connection) as queries:
        handle_all()
        delivery = Delivery.objects.get()
        replays.replay(delivery.pk, actor=SYSTEM)
        for attempts in range(1, handling.BACKOFF.attempts + 1):
            claim = handling.claimed(delivery.pk)
            assert claim is not None
            if attempts == 1:
                handling.failed(claim, ValueError("odd"), chance=0.5)
            Delivery.objects.update(due_at=clock.now())
        handling.given_up(delivery.pk)
    writes = [each["sql"] for each in queries if each["sql"].startswith('UPDATE "webhook_deliveries"')]
    assert Delivery.objects.get().state == DeliveryState.DEAD
    assert len(writes) >= 4
    assert not [sql for sql in writes if '"payload" =' in sql]


def test_a_late_end_of_an_older_claim_changes_nothing() -> None:
    send()
    delivery = Delivery.objects.get()
    late = handling.claimed(delivery.pk)
    assert late is not None
    with clock.moved(timedelta(minutes=5)):
        handling.handle(delivery.pk)
        handling.failed(late, ValueError("late"), chance=0.5)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.error) == (DeliveryState.HANDLED, "")


def test_an_error_of_a_handler_is_written_to_its_delivery(hook: Hook) -> None:
    send()
    table = connection.ops.quote_name(Answer._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} ADD CONSTRAINT no_answers CHECK (false) NOT VALID")
        try:
            handle_all()
        finally:
            cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT no_answers")
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.attempts) == (DeliveryState.FAILED, 1)
    assert "no_answers" in delivery.error
    hook.refresh_from_db()
    assert hook.verified_at is None
    with clock.moved(timedelta(minutes=1)):
        handle_all()
    assert Delivery.objects.get().state == DeliveryState.HANDLED


def test_a_delivery_that_takes_its_worker_with_it_is_given_up() -> None:
    send()
    Delivery.objects.update(attempts=8, due_at=clock.now() - timedelta(minutes=5))
    assert services.recover() == 0
    assert Delivery.objects.get().state == DeliveryState.DEAD
