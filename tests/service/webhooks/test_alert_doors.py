"""The doors for alerts and notices open to a token or a signature, and store what came in once."""

import hashlib
import hmac
from datetime import timedelta

import pytest
from django.test import Client
from pytest_django import Settings

from apps.webhooks import handling
from apps.webhooks.models import Delivery
from meshsix.kit import clock

TOKEN = "a token of the test"
ALERTS = b'{"version": "4", "status": "firing", "alerts": [{"labels": {"alertname": "ServiceDown"}}]}'
pytestmark = pytest.mark.usefixtures("transactional_db")
DOORS = ("alertmanager", "grafana", "argocd")


@pytest.fixture(autouse=True)
def _tokens(settings: Settings) -> None:
    settings.RATE_LIMITS_ON = False
    for door in DOORS:
        setattr(settings, f"{door.upper()}_WEBHOOK_TOKEN", TOKEN)
    settings.GRAFANA_WEBHOOK_SECRET = "a secret of the test"


def send(door: str, body: bytes = ALERTS, headers: dict[str, str] | None = None) -> tuple[int, str]:
    sent = headers or {"Authorization": f"Bearer {TOKEN}"}
    answer = Client().post(f"/webhooks/{door}", data=body, content_type="application/json", headers=sent)
    return answer.status_code, answer.json()["status"]


def signed(text: bytes) -> str:
    return hmac.new(b"a secret of the test", text, hashlib.sha256).hexdigest()


@pytest.mark.parametrize("door", DOORS)
def test_what_comes_with_the_token_is_stored_once_and_says_why_nothing_is_done(door: str) -> None:
    assert send(door) == (202, "accepted")
    assert send(door) == (200, "duplicate")
    delivery = Delivery.objects.get()
    handling.handle(delivery.pk)
    delivery.refresh_from_db()
    assert (delivery.door, delivery.event.partition(":")[0], delivery.state) == (door, door, "ignored")
    assert delivery.reason in {"no agent reads alerts yet", "syncs are followed at Argo CD itself"}
    assert delivery.body["status"] == "firing"
    assert "Authorization" not in delivery.headers


def test_the_same_alert_hours_later_is_another_one() -> None:
    assert send("alertmanager") == (202, "accepted")
    with clock.moved(timedelta(hours=4)):
        assert send("alertmanager") == (202, "accepted")


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("given", ["", "Bearer", "Bearer ", "Bearer wrong", f"Basic {TOKEN}", TOKEN, "Bearer ä"])
def test_without_the_token_nothing_is_stored(door: str, given: str) -> None:
    assert send(door, headers={"Authorization": given}) == (401, "unauthorized")
    assert not Delivery.objects.exists()


@pytest.mark.parametrize("door", DOORS)
def test_a_door_without_a_token_stays_shut(door: str, settings: Settings) -> None:
    setattr(settings, f"{door.upper()}_WEBHOOK_TOKEN", "")
    settings.GRAFANA_WEBHOOK_SECRET = ""
    assert send(door, headers={"Authorization": "Bearer "}) == (401, "unauthorized")
    assert (
        send(door, headers={"X-Grafana-Alerting-Signature": hmac.new(b"", ALERTS, hashlib.sha256).hexdigest()})[0]
        == 401
    )


def test_grafana_may_sign_instead_with_a_time_or_without() -> None:
    assert send("grafana", headers={"X-Grafana-Alerting-Signature": signed(ALERTS)}) == (202, "accepted")
    at, old = (str(int((clock.now() - ago).timestamp())) for ago in (timedelta(), timedelta(minutes=6)))
    for stamp, status in ((at, 200), (old, 401), ("soon", 401)):
        signature = signed(stamp.encode() + b":" + ALERTS)
        headers = {"X-Grafana-Alerting-Signature": signature, "X-Grafana-Alerting-Timestamp": stamp}
        assert send("grafana", headers=headers)[0] == status
    assert send("grafana", ALERTS + b" ", headers={"X-Grafana-Alerting-Signature": signed(ALERTS)})[0] == 401
    assert send("alertmanager", headers={"X-Grafana-Alerting-Signature": signed(ALERTS)})[0] == 401


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"a": "\xff"}', b'{"a":' * 500 + b"1" + b"}" * 500])
def test_what_is_no_object_of_json_is_malformed(body: bytes) -> None:
    assert send("alertmanager", body) == (400, "malformed")


def test_a_body_beyond_a_mebibyte_is_too_large() -> None:
    assert send("alertmanager", b'{"a": "' + b"x" * 1024 * 1024 + b'"}') == (413, "too large")


def test_each_door_has_a_limit_of_its_own(settings: Settings) -> None:
    settings.RATE_LIMITS_ON = True
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"webhook-argocd": 2}
    assert [send("argocd")[0] for _ in range(3)] == [202, 200, 429]
    assert send("grafana")[0] == 202


def test_only_posts_are_taken() -> None:
    assert Client().get("/webhooks/alertmanager").status_code == 405
