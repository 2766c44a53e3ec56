"""What nobody can believe or read gets a 4xx and no row; all else is handled, or ignored with a reason.

A few examples always, the same ones each time; many with `--chaos`.
"""

import copy
import json
import uuid
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from apps.projects.models import Hook, Project
from apps.webhooks import handling
from apps.webhooks.handlers.table import HANDLERS
from apps.webhooks.models import Delivery
from apps.webhooks.signatures import sign
from apps.webhooks.states import DeliveryState
from meshsix import wiring
from tests import boards
from tests.contract import published
from tests.deliveries import SECRET, Json, about, issue
from tests.service.webhooks.github import github  # noqa: F401 - a fixture

SETTLED = {DeliveryState.HANDLED, DeliveryState.IGNORED, DeliveryState.DUPLICATE}
AT = "2026-01-31T12:00:00Z"
DELETED = "(deleted)"
ODD: Sequence[Any] = (
    *(DELETED, None, True, 0, -1, 0.5, 1e308, 2**31, 2**63, 2**70),
    *("", "\0", "../..", "a/b?c#d%", "\u202e\U0001f600", "x" * 70_000, "[bot]", "/mesh start"),
    *("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-02-30"),
    *([], {}, [None], [[]], [{}], {"a": {"b": []}}, [{"name": "\0"}] * 300),
)
_ALLOWED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
FEW = settings(max_examples=30, derandomize=True, database=None, suppress_health_check=_ALLOWED)
MANY = settings(max_examples=4000, suppress_health_check=_ALLOWED)

changes = st.lists(
    st.tuples(st.lists(st.integers(0, 99), min_size=1, max_size=5), st.sampled_from(ODD)), min_size=1, max_size=4
)
SPOILT = given(which=st.integers(0, 9999), ours=st.booleans(), changes=changes)
"""A payload with one to four of its nodes changed."""


@pytest.fixture
def project(db: None) -> Project:  # noqa: ARG001 - each example is rolled back
    return boards.project(repository_id=1296269)


@pytest.fixture
def hook(github: Iterator[None], repository_hook: Hook) -> Hook:  # noqa: ARG001, F811 - comments and cards ask GitHub
    wiring.clients.cache_clear()
    return repository_hook


@cache
def samples() -> list[tuple[str, Json]]:
    """Return GitHub's own samples of the events that have a handler."""
    return [(event, dict(payload)) for event, payload in published.webhook_examples() if event in HANDLERS]


@cache
def read() -> list[tuple[str, Json]]:
    """Return payloads of nothing but what is read, so that most changes hit something that counts."""
    comment = {"id": 5, "body": "/mesh start", "user": {"login": "octo-user", "type": "User"}, "updated_at": AT}
    pull = issue(head={"sha": "abc", "ref": "x"}, base={"ref": "main"}, merged=True, closed_at=AT, draft=False)
    review = {"id": 6, "state": "approved", "user": {"login": "octocat"}, "commit_id": "abc", "submitted_at": AT}
    checks = {"id": 9, "head_sha": "abc", "conclusion": "failure", "run_attempt": 2, "updated_at": AT, "app": {}}
    item = {"node_id": "PVTI_1", "project_node_id": "PVT_octo-org/bookmarks"}
    moved = {"field_value": {"field_node_id": "field-status", "field_name": "Status"}}
    renamed = {"repository": {"name": {"from": "before"}}, "owner": {"from": {"user": {"login": "somebody"}}}}
    return [
        ("issues", about("closed", issue=issue(closed_at=AT))),
        ("issues", about("edited", issue=issue(), changes={"title": {"from": "x"}})),
        ("issues", about("labeled", issue=issue(labels=[{"name": "bug"}]), label={"name": "bug"})),
        ("issues", about("assigned", issue=issue(assignees=[{"login": "x"}]), assignee={"login": "x"})),
        ("issue_comment", about("created", issue=issue(), comment=comment)),
        ("issue_comment", about("edited", issue=issue(), comment=comment, changes={"body": {"from": "/mesh stop"}})),
        *(("pull_request", about(action, pull_request=pull)) for action in ("opened", "closed", "synchronize")),
        *(
            ("pull_request_review", about(action, pull_request=pull, review=review))
            for action in ("submitted", "dismissed")
        ),
        ("check_suite", about("completed", check_suite=checks)),
        ("workflow_run", about("completed", workflow_run=checks)),
        ("push", about("", ref="refs/heads/main", before="a", after="b", forced=True, pusher={"name": "octocat"})),
        *(("repository", about(action, changes=renamed)) for action in ("renamed", "transferred", "deleted")),
        ("meta", {"action": "deleted", "hook_id": 7, "hook": {}}),
        ("projects_v2_item", {"action": "edited", "projects_v2_item": item, "changes": moved}),
        ("projects_v2_item", {"action": "deleted", "projects_v2_item": item}),
        ("ping", {"zen": "Keep it logically awesome.", "hook_id": 7}),
    ]


def spoilt(payload: Json, changes: list[tuple[list[int], Any]]) -> Json:
    """Return the payload with nodes replaced or deleted; each is found by choosing among the names on the way down."""
    made = copy.deepcopy(payload)
    for way, odd in changes:
        _change(made, way, odd)
    return made


def _change(node: Any, way: list[int], odd: Any) -> None:  # noqa: ANN401 - JSON
    places = sorted(node) if isinstance(node, dict) else range(len(node))
    if not places:
        return
    place = places[way[0] % len(places)]
    if way[1:] and isinstance(node[place], dict | list) and node[place]:
        _change(node[place], way[1:], odd)
    elif odd == DELETED:
        del node[place]
    else:
        node[place] = copy.deepcopy(odd)


def send(
    hook: Hook, body: bytes, *, event: str = "issues", signature: str | None = None, key: str = "", **headers: str
) -> tuple[int, str]:
    """Send bytes through the door, signed unless said otherwise; return status and guid."""
    guid = str(uuid.uuid4())
    sent = {
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": guid,
        "X-Hub-Signature-256": sign(body, SECRET.encode()) if signature is None else signature,
    }
    answer = Client().post(
        f"/webhooks/github/{key or hook.pk}", data=body, content_type="application/json", headers=sent | headers
    )
    return answer.status_code, guid


def settled(guid: str) -> Delivery:
    """Let the delivery be handled, make sure that it came to a good end, and return it."""
    row = Delivery.objects.get(guid=guid)
    handling.handle(row.pk)
    row.refresh_from_db()
    assert row.state in SETTLED, f"{row.event}: {row.error_code}: {row.error}"
    assert row.reason
    return row


def takes(hook: Hook, *, which: int, ours: bool, changes: list[tuple[list[int], Any]]) -> None:
    """Send a spoilt payload and let it be handled; leave nothing behind."""
    found = read() if ours else samples()
    event, payload = found[which % len(found)]
    with transaction.atomic():
        status, guid = send(hook, json.dumps(spoilt(payload, changes)).encode(), event=event)
        assert status == 202
        settled(guid)
        transaction.set_rollback(True)


@FEW
@SPOILT
def test_handlers_take_spoilt_payloads(hook: Hook, which: int, ours: bool, changes: Any) -> None:  # noqa: ANN401, FBT001 - drawn
    takes(hook, which=which, ours=ours, changes=changes)


@pytest.mark.chaos
@pytest.mark.timeout(3600)
@MANY
@SPOILT
def test_handlers_take_thousands_of_spoilt_payloads(hook: Hook, which: int, ours: bool, changes: Any) -> None:  # noqa: ANN401, FBT001 - drawn
    takes(hook, which=which, ours=ours, changes=changes)


def test_unspoilt_payloads_of_this_test_are_handled(hook: Hook) -> None:
    for event, payload in read():
        with transaction.atomic():
            guid = send(hook, json.dumps(payload).encode(), event=event)[1]
            assert not settled(guid).reason.startswith(("malformed", "unknown")), event
            transaction.set_rollback(True)


# --- the door --------------------------------------------------------------------------------------------------------
def _byte_changed(hook: Hook, body: bytes, at: int) -> int:
    place = at % len(body)
    other = body[:place] + bytes([body[place] ^ (1 + at % 255)]) + body[place + 1 :]
    return send(hook, other, signature=sign(body, SECRET.encode()))[0]


def _cut(hook: Hook, body: bytes, at: int) -> int:
    return send(hook, body[: at % len(body)], signature=sign(body, SECRET.encode()))[0]


def _signature_cut(hook: Hook, body: bytes, at: int) -> int:
    signature = sign(body, SECRET.encode())
    return send(hook, body, signature=signature[: at % len(signature)])[0]


def _signature_changed(hook: Hook, body: bytes, at: int) -> int:
    signature = sign(body, SECRET.encode())
    place = at % len(signature)
    return send(hook, body, signature=f"{signature[:place]}\xe9{signature[place + 1 :]}")[0]


def _sha1_only(hook: Hook, body: bytes, at: int) -> int:
    return send(hook, body, signature="", **{"X-Hub-Signature": f"sha1={at:040x}"})[0]


def _another_secret(hook: Hook, body: bytes, at: int) -> int:
    return send(hook, body, signature=sign(body, str(at).encode()))[0]


def _unknown_key(hook: Hook, body: bytes, at: int) -> int:
    return send(hook, body, key=f"{at:032x}")[0]


WAYS: Sequence[Callable[[Hook, bytes, int], int]] = (
    *(_byte_changed, _cut, _signature_cut, _signature_changed, _sha1_only, _another_secret, _unknown_key),
)
UNSIGNED = given(which=st.integers(0, 9999), way=st.sampled_from(WAYS), at=st.integers(0, 10**9))


def refuses(hook: Hook, *, which: int, way: Callable[[Hook, bytes, int], int], at: int) -> None:
    """Make sure that what is not signed as it should be is refused, and leaves no row."""
    body = json.dumps(samples()[which % len(samples())][1]).encode()
    assert way(hook, body, at) == 401
    assert not Delivery.objects.exists()


@FEW
@UNSIGNED
def test_the_door_refuses_what_is_not_well_signed(hook: Hook, which: int, way: Any, at: int) -> None:  # noqa: ANN401 - drawn
    refuses(hook, which=which, way=way, at=at)


@pytest.mark.chaos
@pytest.mark.timeout(3600)
@MANY
@UNSIGNED
def test_the_door_refuses_thousands_that_are_not_well_signed(hook: Hook, which: int, way: Any, at: int) -> None:  # noqa: ANN401 - drawn
    refuses(hook, which=which, way=way, at=at)


def _nested(depth: int, opening: bytes) -> bytes:
    return b'{"a": ' + opening * depth


bodies = st.one_of(
    st.binary(max_size=200),
    st.builds(_nested, st.integers(1, 60_000), st.sampled_from([b"[", b'{"a":'])),
    st.builds(lambda text: b'{"a": "' + text + b'"}', st.binary(min_size=1, max_size=20)),
    st.builds(lambda depth: b'{"a":' + b"[" * depth + b"]" * depth + b"}", st.integers(1, 5_000)),
    st.builds(lambda cut: json.dumps(about("opened", issue=issue())).encode()[:cut], st.integers(0, 400)),
)
header = st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=120)
SIGNED = given(body=bodies, event=st.just("issues") | st.sampled_from([*HANDLERS]) | header)


def reads(hook: Hook, *, body: bytes, event: str) -> None:
    """Make sure that bytes with a good signature are taken and settled, or refused as malformed without a row."""
    assume(event == event.strip())
    with transaction.atomic():
        status, guid = send(hook, body, event=event)
        assert status in {202, 400}
        if status == 202:
            settled(guid)
        else:
            assert not Delivery.objects.exists()
        transaction.set_rollback(True)


@FEW
@SIGNED
def test_whatever_is_signed_is_read_or_malformed(hook: Hook, body: bytes, event: str) -> None:
    reads(hook, body=body, event=event)


@pytest.mark.chaos
@pytest.mark.timeout(3600)
@MANY
@SIGNED
def test_thousands_of_signed_bodies_are_read_or_malformed(hook: Hook, body: bytes, event: str) -> None:
    reads(hook, body=body, event=event)
