"""Deliveries by page, API and command: who sees what, filters, replay, and a number of queries that does not grow."""

import io
import json
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from apps.projects.models import Hook, Project
from apps.webhooks import replays, services
from apps.webhooks.intake import compressed
from apps.webhooks.models import Delivery
from apps.webhooks.states import DeliveryState
from meshsix.kit import clock
from meshsix.kit.actor import SYSTEM
from tests import boards, deliveries
from tests.crossing import crossed
from tests.deliveries import about, heard, issue
from tests.web_process import person

MOST_QUERIES = 12


def signed_in(client: Client, *roles: str) -> Client:
    client.force_login(person(f"person-{'-'.join(roles)}", *roles))
    return client


@pytest.fixture
def closed(repository_hook: Hook) -> Delivery:
    """An issue was closed; its title tries to be a script."""
    payload = about("closed", issue=issue(title="<script>alert(1)</script>"))
    return heard(repository_hook, "issues", payload, guid="72d3162e-cc78-11e3-81ab-4c9367dc0958")


def test_a_page_says_what_came_in_and_what_it_caused(client: Client, closed: Delivery) -> None:
    shown = signed_in(client, "viewer").get(f"/deliveries/{closed.guid}").content.decode()
    assert "issue-closed" in shown
    assert "project:octo-org/bookmarks event 1" in shown
    assert "<script>alert(1)" not in shown
    assert "&lt;script&gt;alert(1)" in shown
    assert "Replay</button>" not in shown, "replaying is for operators"


def test_a_large_payload_is_cut_on_the_page_stays_out_of_the_live_part_and_is_whole_elsewhere(
    client: Client, repository_hook: Hook
) -> None:
    sent = {"action": "created", "first": "the first word", "text": "y" * 300_000, "last": "the last word"}
    row = heard(repository_hook, "star", sent)
    viewer = signed_in(client, "viewer")
    page = viewer.get(f"/deliveries/{row.guid}").content.decode()
    assert ("the first word" in page, "the last word" in page) == (True, False)
    assert f'href="/deliveries/{row.guid}/payload"' in page
    live = viewer.get(f"/deliveries/{row.guid}", headers={"HX-Request": "true"}).content.decode()
    assert row.guid in live
    assert "the first word" not in live
    whole = viewer.get(f"/deliveries/{row.guid}/payload")
    assert (whole["Content-Type"], whole.json()) == ("application/json; charset=utf-8", sent)
    Delivery.objects.update(payload=b"", payload_dropped_at=clock.now())
    assert viewer.get(f"/deliveries/{row.guid}/payload").status_code == 404
    assert "not kept any more" in viewer.get(f"/deliveries/{row.guid}").content.decode()


@pytest.mark.parametrize("odd", [b'{"a": "\\ud800"}', b'{"a": 1e999}'], ids=["half a pair", "endless"])
def test_what_has_no_place_in_json_is_shown_all_the_same(client: Client, closed: Delivery, odd: bytes) -> None:
    Delivery.objects.update(payload=compressed(odd))
    viewer = signed_in(client, "viewer")
    for place in ("deliveries", "api/deliveries"):
        assert viewer.get(f"/{place}/{closed.guid}").status_code == 200


def test_the_list_is_filtered_by_the_address(client: Client, closed: Delivery, repository_hook: Hook) -> None:
    heard(repository_hook, "star", {"action": "created"})
    viewer = signed_in(client, "viewer")
    assert viewer.get("/deliveries").content.decode().count("data-entry") == 2
    for asked in ("state=handled", "event=issues", f"q={closed.guid[:8]}", "project=Octo-Org/Bookmarks&event=issues"):
        assert viewer.get(f"/deliveries?{asked}").content.decode().count("data-entry") == 1, asked
    assert "No delivery fits these filters" in viewer.get("/deliveries?state=dead").content.decode()


def test_no_listing_asks_more_for_more_rows(
    client: Client, closed: Delivery, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    facts = {"hook_id": closed.hook_id, "project_id": closed.project_id, "event": "star", "payload": closed.payload}
    Delivery.objects.bulk_create(Delivery(guid=f"g-{number}", state="ignored", **facts) for number in range(60))
    viewer = signed_in(client, "viewer")
    for place in ("/deliveries", "/api/deliveries", f"/deliveries/{closed.guid}"):
        with django_assert_max_num_queries(MOST_QUERIES):
            assert viewer.get(place).status_code == 200
    assert "Older" in viewer.get("/deliveries").content.decode()


def test_others_projects_and_those_of_nobody_are_not_shown(client: Client, closed: Delivery) -> None:
    limited = boards.project("octo-org/else", group="insiders")
    payload = closed.payload
    for guid, project in (("hidden", limited), ("nobody", None)):
        Delivery.objects.create(guid=guid, project=project, event="star", payload=payload, state="ignored")
    operator = signed_in(client, "operator")
    assert operator.get("/api/deliveries").json()["results"][0]["guid"] == closed.guid
    for guid in ("hidden", "nobody"):
        assert operator.get(f"/deliveries/{guid}").status_code == 404
        assert operator.get(f"/api/deliveries/{guid}").status_code == 404
        assert operator.post(f"/api/deliveries/{guid}/replay").status_code == 404
    assert len(signed_in(client, "admin").get("/api/deliveries").json()["results"]) == 3


def test_a_replay_by_api_needs_an_operator_and_a_settled_delivery(client: Client, closed: Delivery) -> None:
    place = f"/api/deliveries/{closed.guid}/replay"
    assert signed_in(client, "viewer").post(place).status_code == 403
    operator = signed_in(client, "operator")
    answer = operator.post(place)
    assert (answer.status_code, answer.json()["state"]) == (202, "received")
    again = operator.post(place)
    assert (again.status_code, again.json()["code"]) == (409, "webhooks:delivery:not-now")
    deliveries.handle_all()
    shown = operator.get(f"/api/deliveries/{closed.guid}").json()
    assert (shown["state"], [each["result"] for each in shown["history"]]) == ("handled", ["did", "replayed", "did"])


def test_a_filter_is_replayed_and_an_empty_one_refused(client: Client, closed: Delivery) -> None:
    operator = signed_in(client, "operator")
    ask = {"filter": {"event": "issues"}, "dry_run": True}
    for place, given, code in (
        ("/api/deliveries/replay", {"filter": {}}, 400),
        ("/api/deliveries/replay", {"filter": {"colour": "red"}}, 400),
        ("/api/deliveries/replay", ask, 200),
    ):
        assert operator.post(place, json.dumps(given), content_type="application/json").status_code == code, given
    closed.refresh_from_db()
    assert closed.state == DeliveryState.HANDLED, "a dry run changes nothing"
    done = operator.post(
        "/api/deliveries/replay", json.dumps(ask | {"dry_run": False}), content_type="application/json"
    )
    assert (done.status_code, done.json()["replayed"]) == (202, 1)


def test_a_replay_by_page_asks_first(client: Client, closed: Delivery) -> None:
    operator = signed_in(client, "operator")
    assert b"Replay 1 of 1 deliveries?" in operator.post("/deliveries/replay", {"event": "issues"}).content
    operator.post("/deliveries/replay", {"event": "issues", "confirmed": "1"})
    closed.refresh_from_db()
    assert closed.state == DeliveryState.RECEIVED


@pytest.mark.parametrize(
    ("words", "code", "replayed"),
    [(["GUID"], 0, 1), (["--event", "issues", "--dry-run"], 0, 1), (["--state", "dead"], 0, 0)],
)
def test_the_command(closed: Delivery, words: list[str], code: int, replayed: int) -> None:
    out = io.StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command(
            "replay_delivery", *[closed.guid if word == "GUID" else word for word in words], "--json", stdout=out
        )
    assert (ended.value.code, json.loads(out.getvalue())["replayed"]) == (code, replayed)


def test_a_dry_run_costs_the_same_whatever_fits(
    client: Client, closed: Delivery, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    facts = {"hook_id": closed.hook_id, "project_id": closed.project_id, "event": "star", "payload": closed.payload}
    Delivery.objects.bulk_create(Delivery(guid=f"g-{number}", state="ignored", **facts) for number in range(40))
    Delivery.objects.create(guid="waits", state="received", **facts)
    operator = signed_in(client, "operator")
    ask = json.dumps({"filter": {"event": "star"}, "dry_run": True})
    with django_assert_max_num_queries(MOST_QUERIES):
        said = operator.post("/api/deliveries/replay", ask, content_type="application/json").json()
    assert (said["matched"], said["replayed"], said["refused"]) == (41, 40, 1)


def replay_in_admin(client: Client, row: Delivery, *roles: str) -> str:
    client.force_login(person(f"in-admin-{'-'.join(roles)}", *roles))
    User.objects.update(is_staff=True)
    act = {"action": "replay", "_selected_action": [str(row.pk)], "confirmed": "1"}
    return client.post("/admin/webhooks/delivery/", act, follow=True).content.decode()


def test_a_replay_in_the_admin_is_for_operators_and_for_what_they_see(client: Client, closed: Delivery) -> None:
    limited = boards.project("octo-org/else", group="insiders")
    hidden = Delivery.objects.create(guid="h", project=limited, event="star", payload=closed.payload, state="ignored")
    assert "needs the role operator" in replay_in_admin(client, closed, "viewer")
    assert "done." in replay_in_admin(client, closed, "operator")
    replay_in_admin(Client(), hidden, "operator", "approver")
    states = dict(Delivery.objects.values_list("guid", "state"))
    assert states == {closed.guid: "received", "h": "ignored"}
    assert "still to be handled" in replay_in_admin(client, closed, "admin")


def test_payloads_go_in_time_but_for_what_is_still_to_be_handled(closed: Delivery, settings: Settings) -> None:
    settings.DELIVERY_PAYLOADS_KEPT = timedelta(days=30)
    old = {"event": "star", "payload": closed.payload, "received_at": clock.now() - timedelta(days=31)}
    for guid, state in (("settled", "ignored"), ("waits", "received"), ("failed", "failed"), ("replayed", "dead")):
        Delivery.objects.create(guid=guid, state=state, **old)
    replays.replay(Delivery.objects.get(guid="replayed").pk, actor=SYSTEM)
    assert services.forget_payloads() == 1
    kept = set(Delivery.objects.filter(payload_dropped_at=None).values_list("guid", flat=True))
    assert kept == {closed.guid, "waits", "failed", "replayed"}
    assert bytes(Delivery.objects.get(guid="settled").payload) == b""
    assert services.forget_payloads() == 0


def test_what_is_replayed_while_its_payload_is_to_go_keeps_it(closed: Delivery) -> None:
    Delivery.objects.update(received_at=clock.now() - timedelta(days=31))
    dropped: list[int] = []
    crossed(
        lambda: replays.replay(closed.pk, actor=SYSTEM),
        lambda: dropped.append(services.forget_payloads()),
        lambda: None,
    )
    closed.refresh_from_db()
    assert (dropped, closed.state, closed.payload_dropped_at) == ([0], "received", None)


def test_a_dropped_payload_cannot_be_replayed(client: Client, closed: Delivery, project: Project) -> None:
    Delivery.objects.filter(project=project).update(payload=b"", payload_dropped_at=clock.now())
    operator = signed_in(client, "operator")
    answer = operator.post(f"/api/deliveries/{closed.guid}/replay")
    assert (answer.status_code, answer.json()["code"]) == (409, "webhooks:delivery:payload-gone")
    assert b"not kept any more" in operator.get(f"/deliveries/{closed.guid}").content
