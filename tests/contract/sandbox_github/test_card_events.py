"""Each thing that happens to a card is told in GitHub's own shape, and has the shape of GitHub's own samples."""

from typing import Any

import pytest

from tests.contract import published
from tests.contract.sandbox_github.callers import Client, Receiver
from tests.contract.sandbox_github.test_webhooks import board, hook

Json = dict[str, Any]
HOME = "octo-org/bookmarks"


def samples() -> dict[str, Json]:
    """Return GitHub's own samples by action."""
    found = published.webhook_examples()
    return {payload["action"]: payload for event, payload in found if event == "projects_v2_item"}


@pytest.fixture
def made(octo: Client, receiver: Receiver) -> Json:
    """A board of the organization with one moved card, whose events reach a hook."""
    hook(octo, receiver, "/orgs/octo-org/hooks", ["projects_v2_item"])
    return board(octo, "octo-org", HOME)


def do(octo: Client, what: str, **given: object) -> Json:
    """Use a door and return its answer."""
    answer = octo.post(f"/_sandbox/{what}", json=given)
    assert answer.status_code == 200, answer.text
    shown: Json = answer.json()
    return shown


def told(octo: Client) -> Json:
    """Return the payload of the latest event about a card, which fits GitHub's description."""
    sent = octo.get("/_sandbox/deliveries", params={"event": "projects_v2_item"}).json()["deliveries"]
    payload: Json = sent[-1]["payload"]
    assert published.webhook_problems("projects_v2_item", payload) == []
    return payload


def shape(value: object) -> object:
    """Return the names inside a value, without its texts and numbers."""
    return {name: shape(each) for name, each in value.items()} if isinstance(value, dict) else None


def card(octo: Client, title: str) -> Json:
    """Put a new issue on the board."""
    number = octo.post(f"/repos/{HOME}/issues", json={"title": title}).json()["number"]
    return {"item": do(octo, "cards/add", repository=HOME, issue=number)["item"]}


def test_a_card_that_comes_and_goes(octo: Client, made: Json) -> None:
    one = card(octo, "One")
    created = told(octo)
    assert (created["action"], created["projects_v2_item"]["node_id"]) == ("created", one["item"])
    assert created["projects_v2_item"]["project_node_id"] == made["id"]
    assert "changes" not in created
    do(octo, "cards/archive", **one)
    archived = told(octo)
    assert shape(archived["changes"]) == shape(samples()["archived"]["changes"])
    assert archived["projects_v2_item"]["archived_at"] == archived["changes"]["archived_at"]["to"]
    do(octo, "cards/restore", **one)
    restored = told(octo)
    assert shape(restored["changes"]) == shape(samples()["restored"]["changes"])
    assert restored["projects_v2_item"]["archived_at"] is None
    assert restored["changes"]["archived_at"]["from"] == archived["changes"]["archived_at"]["to"]
    do(octo, "cards/remove", **one, actor="octo-reader")
    gone = told(octo)
    assert (gone["action"], gone["sender"]["login"]) == ("deleted", "octo-reader")
    assert octo.post("/_sandbox/cards/remove", json=one).status_code == 404


def test_the_first_column_comes_from_nothing(octo: Client, made: Json) -> None:  # noqa: ARG001 - the board
    one = card(octo, "One")
    do(octo, "cards/move", **one, status="Todo")
    change = told(octo)["changes"]["field_value"]
    assert (change["field_name"], change["field_type"], change["from"]) == ("Status", "single_select", None)
    assert change["to"]["name"] == "Todo"
    assert set(change) == {"field_node_id", "field_type", "field_name", "project_number", "from", "to"}


def test_a_terse_event_names_the_field_by_its_id_alone(octo: Client, made: Json) -> None:  # noqa: ARG001 - the board
    one = card(octo, "One")
    do(octo, "boards", terse=True)
    do(octo, "cards/move", **one, status="Done")
    assert shape(told(octo)["changes"]) == shape(samples()["edited"]["changes"])
    do(octo, "boards", terse=False)
    do(octo, "cards/move", **one, status="Todo")
    assert told(octo)["changes"]["field_value"]["from"]["name"] == "Done"


def test_a_field_of_the_issue_is_told_without_values(octo: Client, made: Json) -> None:  # noqa: ARG001 - the board
    do(octo, "cards/touch", **card(octo, "One"), field="Labels")
    change = told(octo)["changes"]["field_value"]
    assert (set(change), change["field_type"]) == ({"field_node_id", "field_type"}, "labels")


def test_a_card_is_put_behind_another(octo: Client, made: Json) -> None:
    one, two = card(octo, "One"), card(octo, "Two")
    do(octo, "cards/reorder", **two)
    change = told(octo)["changes"]["previous_projects_v2_item_node_id"]
    assert change == {"from": one["item"], "to": None}
    do(octo, "cards/reorder", **two, after=one["item"])
    assert shape(told(octo)["changes"]) == shape(samples()["reordered"]["changes"])
    document = "query($id: ID!) { node(id: $id) { ... on ProjectV2 { items(first: 9) { nodes { id } } } } }"
    shown = [each["id"] for each in octo.ok(document, id=made["id"])["node"]["items"]["nodes"]]
    assert shown[-2:] == [one["item"], two["item"]]
    assert octo.post("/_sandbox/cards/reorder", json={**two, "after": two["item"]}).status_code == 422


def test_a_draft_becomes_an_issue(octo: Client, made: Json) -> None:
    draft = do(octo, "cards/add", project=made["id"], title="An idea")
    assert told(octo)["projects_v2_item"]["content_type"] == "DraftIssue"
    number = do(octo, "cards/convert", item=draft["item"], repository=HOME)["issue"]
    converted = told(octo)
    assert converted["changes"] == samples()["converted"]["changes"]
    issue = octo.get(f"/repos/{HOME}/issues/{number}").json()
    assert (issue["title"], converted["projects_v2_item"]["content_node_id"]) == ("An idea", issue["node_id"])
    again = octo.post("/_sandbox/cards/convert", json={"item": draft["item"], "repository": HOME})
    assert again.status_code == 422


def test_cards_of_a_users_board_are_told_to_nobody(octo: Client) -> None:
    made = board(octo, "octo-user", "octo-user/notes")
    draft = do(octo, "cards/add", project=made["id"], title="Mine")
    for what in ("archive", "restore", "reorder", "remove"):
        do(octo, f"cards/{what}", item=draft["item"])
    assert octo.get("/_sandbox/deliveries", params={"event": "projects_v2_item"}).json()["deliveries"] == []
