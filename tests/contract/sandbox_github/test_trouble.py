"""Deliveries that get lost, come twice, come late and in another order, or are signed badly; all on purpose."""

import hashlib
import hmac
import queue
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from deploy.sandbox.base import running
from deploy.sandbox.github.app import make
from tests.contract.sandbox_github.callers import Client, Delivered, Receiver, Sandbox, config
from tests.contract.sandbox_github.test_webhooks import board, hook, settled

NAME = "octo-org/bookmarks"


def trouble(octo: Client, **names: list[str]) -> None:
    """Let something go wrong from now on."""
    answer = octo.post("/_sandbox/deliveries", json=names)
    assert answer.status_code == 200
    assert {kind: answer.json()[kind] for kind in names} == names


def signed_well(delivered: Delivered) -> bool:
    """Tell whether the body is signed with the hook's secret."""
    digest = hmac.new(b"s3cret", delivered.body, hashlib.sha256).hexdigest()
    return delivered.headers["x-hub-signature-256"] == f"sha256={digest}"


def nothing_more(receiver: Receiver) -> None:
    with pytest.raises(queue.Empty):
        receiver.arrived.get(timeout=0.2)


def test_an_unknown_trouble_is_refused(octo: Client) -> None:
    assert octo.post("/_sandbox/deliveries", json={"eaten": [NAME]}).status_code == 422


def test_a_lost_delivery_stands_in_the_log_as_failed(octo: Client, receiver: Receiver) -> None:
    trouble(octo, lost=[NAME])
    path = hook(octo, receiver)
    assert settled(octo, path, 1)[0]["status_code"] == 502
    trouble(octo, lost=[])
    octo.post(f"{path}/pings")
    receiver.next("ping")
    nothing_more(receiver)


def test_a_delivery_comes_twice_under_one_guid_and_stands_in_the_log_once(octo: Client, receiver: Receiver) -> None:
    trouble(octo, twice=[NAME])
    path = hook(octo, receiver)
    one, two = receiver.next("ping"), receiver.next("ping")
    assert (one.headers["x-github-delivery"], one.body) == (two.headers["x-github-delivery"], two.body)
    assert len(settled(octo, path, 1)) == 1
    trouble(octo, twice=[])
    octo.post(f"{path}/pings")
    receiver.next("ping")
    nothing_more(receiver)


def test_a_badly_signed_delivery_has_the_right_body(octo: Client, receiver: Receiver) -> None:
    path = hook(octo, receiver)
    assert signed_well(receiver.next("ping"))
    trouble(octo, badly_signed=[NAME])
    octo.post(f"{path}/pings")
    bad = receiver.next("ping")
    assert bad.headers["x-hub-signature-256"].startswith("sha256=")
    assert not signed_well(bad)
    trouble(octo, badly_signed=[])
    newest = settled(octo, path, 2)[0]
    octo.post(f"{path}/deliveries/{newest['id']}/attempts")
    again = receiver.next("ping")
    assert (again.headers["x-github-delivery"], signed_well(again)) == (bad.headers["x-github-delivery"], True)


def held(octo: Client) -> list[int]:
    """Return the ids of what is kept back, oldest first."""
    return [each["id"] for each in octo.get("/_sandbox/deliveries").json()["deliveries"] if each["held"]]


@pytest.mark.parametrize("order", ["oldest-first", "newest-first", "mixed"])
def test_held_deliveries_come_in_the_order_in_which_they_are_let_go(
    octo: Client, receiver: Receiver, order: str
) -> None:
    trouble(octo, held=["octo-org"])
    hook(octo, receiver, "/orgs/octo-org/hooks", ["projects_v2_item"])
    board(octo, "octo-org", NAME)
    nothing_more(receiver)
    kept = held(octo)
    assert len(kept) == 4
    wanted = {
        "oldest-first": kept,
        "newest-first": kept[::-1],
        "mixed": [kept[2], kept[0], kept[3], kept[1]],
    }[order]
    released = octo.post("/_sandbox/deliveries/release", json={"order": wanted if order == "mixed" else order})
    assert released.json() == {"released": wanted}
    guids = {each["id"]: each["guid"] for each in octo.get("/_sandbox/deliveries").json()["deliveries"]}
    arrived = [receiver.arrived.get(timeout=60).headers["x-github-delivery"] for _ in wanted]
    assert arrived == [guids[number] for number in wanted]
    assert held(octo) == []


def test_some_may_be_let_go_and_others_kept(octo: Client, receiver: Receiver) -> None:
    trouble(octo, held=[NAME])
    path = hook(octo, receiver)
    octo.post(f"{path}/pings")
    trouble(octo, held=[])
    first, second = held(octo)
    octo.post("/_sandbox/deliveries/release", json={"order": [second]})
    receiver.next("ping")
    assert held(octo) == [first], "what is kept stays so until it is let go itself"
    for wrong in ([second], "sideways"):
        assert octo.post("/_sandbox/deliveries/release", json={"order": wrong}).status_code == 422


def test_an_apps_hook_is_named_by_its_slug(key: rsa.RSAPrivateKey, receiver: Receiver, tmp_path: Path) -> None:
    webhook = {"url": receiver.url, "secret": "of-the-app"}
    with running(make(config(key, webhook=webhook, events=["projects_v2_item"]), tmp_path)) as url:
        sandbox = Sandbox(url, key)
        with sandbox.caller() as octo, sandbox.app() as app:
            trouble(octo, lost=["mesh-six"])
            board(octo, "octo-org", NAME)
            lost: list[dict[str, Any]] = settled(app, "/app/hook", 3)
            assert {each["status_code"] for each in lost} == {502}
            trouble(octo, lost=[])
            app.post(f"/app/hook/deliveries/{lost[0]['id']}/attempts")
            arrived = receiver.next("projects_v2_item")
            assert arrived.headers["x-github-delivery"] == lost[0]["guid"]


def test_an_apps_secret_can_be_changed(key: rsa.RSAPrivateKey, receiver: Receiver, tmp_path: Path) -> None:
    webhook = {"url": receiver.url, "secret": "of-the-app"}
    with running(make(config(key, webhook=webhook, events=["projects_v2_item"]), tmp_path)) as url:
        sandbox = Sandbox(url, key)
        with sandbox.caller() as octo, sandbox.app() as app:
            assert app.patch("/app/hook/config", json={"secret": "s3cret"}).status_code == 200
            board(octo, "octo-org", NAME)
            assert signed_well(receiver.next("projects_v2_item"))


def test_a_log_is_told_and_repeated_for_an_organizations_hook(octo: Client, receiver: Receiver) -> None:
    path = hook(octo, receiver, "/orgs/octo-org/hooks", ["projects_v2_item"])
    first = settled(octo, path, 1)[0]
    receiver.next("ping")
    assert octo.post(f"{path}/deliveries/{first['id']}/attempts").status_code == 202
    assert receiver.next("ping").headers["x-github-delivery"] == first["guid"]
    page = octo.get(f"{path}/deliveries", params={"per_page": 1})
    assert "next" in page.links or len(settled(octo, path, 2)) == 2
