"""Asking for a task on its page: what it takes, what is refused and why, and two clicks."""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from apps.agents.registry.forms import skeleton
from apps.agents.registry.models import Capability, Task
from tests import boards
from tests.service.registry.conftest import Office
from tests.web_process import person

MOST_QUERIES = 8
SECRET = "ghp_abcdefghijklmnopqrstuvwxyz0123456789"
NEW = "/tasks/new?capability=echo"


class Answer(NamedTuple):
    """What the page answers."""

    status: int
    to: str
    text: str


Send = Callable[..., Answer]


@pytest.fixture
def send(client: Client) -> Send:
    """Open the page, or send its form, as somebody with this role."""

    def send(form: Mapping[str, object] | None = None, *, path: str = NEW, role: str = "operator") -> Answer:
        name = f"a-{role}"
        client.force_login(User.objects.filter(username=name).first() or person(name, role))
        answer = client.get(path) if form is None else client.post(NEW, {**USUAL, **form})
        return Answer(answer.status_code, answer.headers.get("Location", ""), answer.content.decode())

    return send


USUAL = {"payload": '{"text": "hello"}', "project": "", "priority": "5", "timeout_seconds": "", "key": "k1"}


def told(answer: Answer, status: int = 200) -> str:
    assert answer.status == status
    return answer.text


def test_the_form_shows_what_the_capability_takes_with_what_is_required(office: Office, send: Send) -> None:
    assert "No agent offers anything yet" in told(send(path="/tasks/new"))
    office.register("alpha")
    page = told(send())
    assert "&quot;text&quot;: &quot;&quot;" in page
    assert "&quot;modes&quot;" in page
    assert "Nobody offers baking now" in told(send(path="/tasks/new?capability=baking"))
    assert skeleton({"properties": {"a": {"type": "integer"}, "b": {"enum": ["x", "y"]}}, "required": ["a", "b"]}) == {
        "a": 0,
        "b": "x",
    }
    schema = {"properties": {"a": {"default": 3}, "b": True}, "required": ["a", "b", "z"]}
    assert skeleton(schema) == {"a": 3, "b": "", "z": ""}


def test_the_form_is_that_of_whom_an_operator_prefers(office: Office, send: Send) -> None:
    office.register("alpha", "counter")
    assert "&quot;text&quot;: &quot;&quot;" in told(send())
    Capability.objects.filter(agent_id="counter").update(override_preferred=True)
    Capability.objects.filter(agent_id="alpha").update(override_preferred=False)
    assert "&quot;number&quot;: 0" in told(send())


def test_what_is_asked_for_becomes_a_task_of_the_person(office: Office, send: Send) -> None:
    office.register("alpha")
    answer = send({"priority": "9", "timeout_seconds": "7", "project": "Octo-Org/Bookmarks"})
    task = Task.objects.get()
    assert (answer.status, answer.to) == (302, f"/tasks/{task.pk}")
    assert (task.requested_by, task.payload, task.status) == ("a-operator", {"text": "hello"}, "dispatched")
    assert (task.priority, task.timeout_seconds, task.project) == (9, 7, "octo-org/bookmarks")


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"payload": "{"}, "This is no JSON"),
        ({"payload": "[1]"}, "It must be a JSON object"),
        ({"payload": "[" * 100_000}, "This is no JSON"),
        ({"payload": '{"text": 7}'}, "text: "),
        ({"payload": '{"text": "a", "seconds": 1e400}'}, "seconds: must be a number that JSON can hold"),
        ({"payload": '{"text": "a", "seconds": NaN}'}, "seconds: must be a number that JSON can hold"),
        ({"payload": f'{{"text": {"[" * 500}{"]" * 500}}}'}, "must not be nested deeper than 100"),
        ({"payload": '{"\\ud800": "ghp_abcdefghijklmnopqrstuvwxyz0123456789"}'}, "must not hold NUL or half"),
        ({"payload": "{}"}, "Nothing was asked for"),
        ({"payload": '{"text": "token ghp_abcdefghijklmnopqrstuvwxyz0123456789"}'}, "looks like a secret"),
        ({"payload": '{"text": "a\\u0000b"}'}, "must not hold NUL"),
        ({"project": "not a repository"}, "Nothing was asked for"),
        ({"priority": "11"}, "less than or equal to 10"),
        ({"timeout_seconds": "9999999"}, "must be 1 to 86400"),
        ({"timeout_seconds": "0"}, "greater than or equal to 1"),
    ],
)
def test_what_cannot_be_taken_is_said_at_its_field(
    office: Office, send: Send, form: Mapping[str, object], words: str
) -> None:
    office.register("alpha")
    page = told(send(form), 422)
    assert words in page
    assert "errorlist" in page
    assert not Task.objects.exists()


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ('{"text": "a TOKEN"}', "looks like a secret"),
        ('{"text": "a", "TOKEN": "b"}', "looks like a secret"),
        ('{"TOKEN": "TOKEN"}', "looks like a secret"),
        ('{"TOKEN": "a\\u0000b"}', "must not hold NUL"),
        ('{"TOKEN": 1e400}', "must be a number"),
        ('{"text": "TOKEN"', "This is no JSON"),
    ],
)
def test_what_is_refused_gives_no_secret_back(office: Office, send: Send, payload: str, words: str) -> None:
    office.register("alpha")
    page = told(send({"payload": payload.replace("TOKEN", SECRET), "project": "octo-org/links"}), 422)
    assert words in page
    assert 'value="octo-org/links"' in page
    assert SECRET not in page


@pytest.mark.usefixtures("office")
def test_what_nobody_offers_any_more_can_still_be_asked_for(send: Send) -> None:
    assert send({}).status == 302
    assert Task.objects.get().status == "pending"
    assert "This is no JSON" in told(send({"payload": "{"}), 422)


def test_two_clicks_are_one_task_and_other_words_another_after_a_warning(office: Office, send: Send) -> None:
    office.register("alpha")
    first = send({})
    assert send({}).to == first.to != ""
    assert "This form made this task before" in told(send(path=first.to))
    other = {"payload": '{"text": "other"}'}
    page = told(send({**other, "project": "octo-org/links", "priority": "7"}), 422)
    assert 'value="octo-org/links"' in page
    assert 'value="7"' in page
    assert "A task was made of this form before" in page
    fresh = re.search(r'name="key" value="(\w+)"', page)
    assert fresh is not None
    assert send({**other, "key": fresh[1]}).status == 302
    assert Task.objects.count() == 2


def test_only_operators_ask_and_only_for_projects_that_they_see(office: Office, send: Send) -> None:
    office.register("alpha")
    assert send({}, role="viewer").status == 403
    boards.project(group="team")
    page = told(send({"project": "octo-org/bookmarks"}), 422)
    assert "not among those that you may touch" in page
    assert not Task.objects.exists()


def test_the_page_asks_a_fixed_number_of_queries(
    office: Office, send: Send, client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    office.register("alpha", "beta", "counter")
    send()
    with django_assert_max_num_queries(MOST_QUERIES):
        client.get(NEW)
