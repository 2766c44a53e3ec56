"""A link answers one question, once, until its deadline; to look at it changes nothing."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from apps.webhooks import handling
from apps.webhooks.models import Delivery
from meshsix.durable import links
from meshsix.durable.models import Answer
from meshsix.kit import clock

QUESTION = "question:7"
PAGE = "text/html,application/xhtml+xml"
pytestmark = pytest.mark.usefixtures("transactional_db")


@pytest.fixture(autouse=True)
def _no_limits(settings: Settings) -> None:
    settings.RATE_LIMITS_ON = False


def address(*, choice: str = "", lasts: timedelta = timedelta(hours=1)) -> str:
    return reverse("ntfy-reply", args=[links.make(QUESTION, until=clock.now() + lasts, choice=choice)])


def handle_all() -> None:
    for delivery in Delivery.objects.all():
        handling.handle(delivery.pk)


def post(place: str, **more: Any) -> Any:  # noqa: ANN401 - Django's answer
    return Client(enforce_csrf_checks=True).post(place, **more)


@pytest.mark.parametrize(
    "sent",
    [
        {"data": "Use B\n", "content_type": "text/plain"},
        {"data": '{"answer": "Use B"}', "content_type": "application/json"},
        {"data": '"Use B"', "content_type": "application/json"},
        {"data": "answer=Use+B", "content_type": "application/x-www-form-urlencoded"},
        {"data": {"answer": "Use B"}},
        {"data": "Use B", "content_type": "application/octet-stream"},
    ],
)
def test_an_answer_arrives_in_whichever_form_it_is_sent(sent: dict[str, Any]) -> None:
    assert post(address(), **sent).status_code == 202
    handle_all()
    answer = Answer.objects.get()
    assert (answer.name, answer.payload["answer"]) == (QUESTION, "Use B")
    delivery = Delivery.objects.get()
    assert (delivery.door, delivery.state, delivery.hook) == ("ntfy", "handled", None)


def test_a_button_needs_no_body_and_says_nothing_else_than_its_own_choice() -> None:
    assert post(address(choice="Use A"), data="Use B", content_type="text/plain").status_code == 202
    assert post(address(choice="Use A")).status_code == 202
    handle_all()
    assert [answer.payload["answer"] for answer in Answer.objects.all()] == ["Use A", "Use A"]


def test_a_link_is_used_once() -> None:
    place = address()
    assert post(place, data="first", content_type="text/plain").status_code == 202
    again = post(place, data="second", content_type="text/plain")
    assert (again.status_code, again.json()["code"]) == (409, "webhooks:reply:used")
    assert Client().get(place).status_code == 409
    handle_all()
    handle_all()
    assert [answer.payload["answer"] for answer in Answer.objects.all()] == ["first"]


def test_to_look_at_the_page_changes_nothing() -> None:
    place = address(choice="Use A")
    for method in ("get", "head"):
        seen = getattr(Client(), method)(place, headers={"Accept": PAGE})
        assert seen.status_code == 200
        assert "no-store" in seen.headers["Cache-Control"]
    assert "Send this answer" in Client().get(place, headers={"Accept": PAGE}).content.decode()
    assert not Delivery.objects.exists()


def test_a_person_fills_in_the_page() -> None:
    place = address()
    assert "Your answer" in Client().get(place, headers={"Accept": PAGE}).content.decode()
    empty = post(place, data={"answer": "  "}, headers={"Accept": PAGE})
    assert (empty.status_code, "no answer in it" in empty.content.decode()) == (400, True)
    done = post(place, data={"answer": "Use <b>"}, headers={"Accept": PAGE})
    assert (done.status_code, "Use &lt;b&gt;" in done.content.decode()) == (202, True)


def test_after_its_deadline_a_link_is_dead() -> None:
    place = address(lasts=timedelta(minutes=5))
    with clock.moved(timedelta(minutes=6)):
        assert post(place, data="late", content_type="text/plain").status_code == 410
        assert Client().get(place, headers={"Accept": PAGE}).status_code == 410
    assert not Delivery.objects.exists()


@pytest.mark.parametrize(
    "change", [lambda t: t[:-1], lambda t: t + "x", lambda t: "A" + t, lambda _: "x", lambda _: ":"]
)
def test_a_forged_link_is_not_one_of_ours(change: Any) -> None:  # noqa: ANN401 - a function of the token
    token = links.make(QUESTION, until=clock.now() + timedelta(hours=1))
    assert post(reverse("ntfy-reply", args=[change(token)]), data="x", content_type="text/plain").status_code == 404
    assert not Delivery.objects.exists()


@pytest.mark.parametrize("data", ["", "{", "[]", '{"answer": 7}', "[" * 50_000])
def test_a_body_without_an_answer_is_refused(data: str) -> None:
    assert post(address(), data=data, content_type="application/json").status_code == 400
    assert not Delivery.objects.exists()


def test_the_token_is_not_kept() -> None:
    place = address()
    post(place, data="x", content_type="text/plain")
    delivery = Delivery.objects.get()
    assert delivery.guid not in place
    assert place.rsplit("/", 1)[1] not in str([delivery.guid, delivery.headers, delivery.body])


def test_links_are_limited(settings: Settings) -> None:
    settings.RATE_LIMITS_ON = True
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"ntfy-reply": 2}
    assert [Client().get(address()).status_code for _ in range(3)] == [200, 200, 429]
