"""Idempotency-Key: once, however often and however simultaneously it is sent."""

import threading
from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connection
from rest_framework.parsers import JSONParser
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from meshsix.kit import clock
from meshsix.live import queries
from meshsix.live.services import publish
from meshsix.web.idempotency import Once, once
from meshsix.web.problems import Problem
from tests.web_process import person

pytestmark = pytest.mark.django_db(transaction=True)


def a_request(user: User, key: str | None, body: object = None, path: str = "/api/things") -> Request:
    headers = {"Idempotency-Key": key} if key is not None else {}
    plain = APIRequestFactory().post(path, body or {"a": 1}, format="json", headers=headers)
    request = Request(plain, parsers=[JSONParser()])
    request.user, request.auth = user, None
    return request


def making(aggregate: str) -> Callable[[], str]:
    return lambda: str(publish(event_type="made", aggregate_id=aggregate).event_id)


def test_a_repeat_gives_the_first_resource() -> None:
    user, key, thing = person("ann"), uuid4().hex, f"thing:{uuid4()}"
    first = once(a_request(user, key), making(thing))
    again = once(a_request(user, key), making(thing))
    assert first.is_new
    assert again == Once(resource_id=first.resource_id, is_new=False)
    assert queries.last_of(thing) == 1


def test_without_a_key_each_request_counts() -> None:
    user, thing = person("ann"), f"thing:{uuid4()}"
    assert once(a_request(user, None), making(thing)).is_new
    assert once(a_request(user, None), making(thing)).is_new
    assert queries.last_of(thing) == 2


@pytest.mark.parametrize("other", [{"body": {"a": 2}}, {"path": "/api/others"}])
def test_the_key_of_another_request_is_409(other: dict[str, object]) -> None:
    user, key, thing = person("ann"), uuid4().hex, f"thing:{uuid4()}"
    once(a_request(user, key), making(thing))
    with pytest.raises(Problem) as refused:
        once(a_request(user, key, **other), making(thing))  # type: ignore[arg-type] # one argument by name
    assert (refused.value.code, refused.value.status_code) == ("idempotency_conflict", 409)


def test_two_people_may_use_the_same_key() -> None:
    key, thing = uuid4().hex, f"thing:{uuid4()}"
    assert once(a_request(person("ann"), key), making(thing)).is_new
    assert once(a_request(person("bob"), key), making(thing)).is_new


def test_a_failure_does_not_use_the_key_up() -> None:
    user, key, thing = person("ann"), uuid4().hex, f"thing:{uuid4()}"

    def fail() -> str:
        publish(event_type="made", aggregate_id=thing)
        raise Problem("conflict", status=409)

    with pytest.raises(Problem):
        once(a_request(user, key), fail)
    assert queries.last_of(thing) == 0
    assert once(a_request(user, key), making(thing)).is_new


def test_a_key_is_forgotten_after_a_week() -> None:
    user, key, thing = person("ann"), uuid4().hex, f"thing:{uuid4()}"
    once(a_request(user, key), making(thing))
    with clock.moved(timedelta(days=8)):
        assert once(a_request(user, key), making(thing)).is_new


def test_six_at_the_same_time_make_one() -> None:
    user, key, thing = person("ann"), uuid4().hex, f"thing:{uuid4()}"
    answers: list[Once] = []

    def ask() -> None:
        answers.append(once(a_request(user, key), making(thing)))
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(answer.is_new for answer in answers) == [False] * 5 + [True]
    assert len({answer.resource_id for answer in answers}) == 1
    assert queries.last_of(thing) == 1


@pytest.mark.parametrize("key", ["", "x" * 201, "with space"])
def test_a_bad_key_is_refused(key: str) -> None:
    with pytest.raises(Problem):
        once(a_request(person("ann"), key), making("thing:1"))
