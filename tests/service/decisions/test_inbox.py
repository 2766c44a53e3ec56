"""What waits for people: in the API, on its page and on the overview; who sees it, and a fixed number of queries."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import jsonschema
import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from apps.agents.registry.models import Task
from apps.agents.registry.services import approvals
from apps.onboarding.models import Onboarding
from apps.onboarding.states import Status
from apps.projects.credentials import services as credentials
from apps.projects.credentials.models import Login, LoginMethod, Scope, TokenClass
from apps.projects.credentials.states import LoginState
from apps.projects.models import Project
from deploy.local.servers import OpenBao
from meshsix import wiring
from meshsix.durable.models import Run
from meshsix.durable.states import RunState
from meshsix.kit import clock
from meshsix.kit.actor import Actor, ActorKind, Door
from tests import boards
from tests.service.decisions.conftest import Waits
from tests.service.registry.conftest import BERT
from tests.service.registry.outside_calls import token_of
from tests.web_process import person

pytestmark = pytest.mark.django_db(transaction=True)

MOST_QUERIES = 12
Ask = Callable[..., Any]


@pytest.fixture
def ask(client: Client) -> Ask:
    """Return the API's answer to somebody with this role."""

    def ask(path: str = "/api/decisions", *, role: str = "viewer", status: int = 200) -> Any:  # noqa: ANN401 - JSON
        sign_in(client, role)
        answer = client.get(path)
        assert answer.status_code == status, answer.content
        return answer.json()

    return ask


@pytest.fixture
def show(client: Client) -> Callable[..., str]:
    """Return a page as somebody with this role sees it."""

    def show(path: str, *, role: str = "operator", live: bool = False) -> str:
        sign_in(client, role)
        answer = client.get(path, headers={"HX-Request": "true"} if live else {})
        assert answer.status_code == 200, answer.content
        return answer.content.decode()

    return show


def sign_in(client: Client, role: str) -> None:
    name = f"a-{role}"
    client.force_login(User.objects.filter(username=name).first() or person(name, role))


def test_all_kinds_of_waits_are_listed_the_oldest_first_with_what_ends_them(waits: Waits, ask: Ask) -> None:
    task, row, choice = waits.approval(), waits.sign_in(), waits.choice()
    told = ask()
    assert told["count"] == 3
    assert [each["id"] for each in told["results"]] == [
        f"approval:{task.pk}",
        f"sign-in:{row.pk}",
        f"choice:{choice.pk}",
    ]
    approval, sign_in, boards = told["results"]
    assert (approval["subject"], approval["asked_by"], approval["who"]) == (
        "May careful do change?",
        "anna",
        "approver",
    )
    assert (sign_in["project"], sign_in["who"], boards["who"]) == ("octo-org/bookmarks", "operator", "operator")
    assert all(
        datetime.fromisoformat(each["until"]) > datetime.fromisoformat(each["since"]) for each in told["results"]
    )
    assert approval["inputs_sha256"] == task.request_sha256
    jsonschema.validate({"candidate": 7}, boards["act"]["schema"])
    jsonschema.validate({"candidate": 0}, boards["act"]["schema"])
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"candidate": 9}, boards["act"]["schema"])
    assert ask("/api/decisions/count") == {"count": 3, "by_kind": {"approval": 1, "sign-in": 1, "choice": 1}}


def test_what_a_wait_names_as_its_act_ends_it(waits: Waits, ask: Ask, client: Client) -> None:
    task, row = waits.approval(), waits.choice()
    for name, body in ((f"approval:{task.pk}", {"agent": "careful"}), (f"choice:{row.pk}", {"candidate": 8})):
        act = ask(f"/api/decisions/{name}")["act"]
        jsonschema.validate(body, act["schema"])
        sign_in(client, "admin")
        answer = client.post(act["url"], body, content_type="application/json")
        assert answer.status_code == 202, answer.content
        ask(f"/api/decisions/{name}", status=404)
    assert Task.objects.get().status == "dispatched"
    assert ask()["count"] == 0


def test_one_can_ask_for_a_kind_a_project_and_a_few(waits: Waits, ask: Ask) -> None:
    waits.approval(), waits.approval(project="octo-org/Bookmarks"), waits.sign_in()
    assert [each["kind"] for each in ask("/api/decisions?kind=approval")["results"]] == ["approval", "approval"]
    assert [each["kind"] for each in ask("/api/decisions?project=octo-org/bookmarks")["results"]] == [
        "approval",
        "sign-in",
    ]
    seen: list[Any] = []
    more: str | None = ""
    while more is not None:
        few = ask(f"/api/decisions?limit=1&cursor={more}")
        assert (few["count"], len(few["results"])) == (3, 1)
        seen += few["results"]
        more = few["next"]
    assert seen == ask()["results"]
    for wrong in ("kind=lunch", "limit=0", "limit=201", "colour=red", "cursor=x", "cursor=nan~y"):
        ask(f"/api/decisions?{wrong}", status=400)


def test_what_is_over_waits_for_nobody(waits: Waits, ask: Ask) -> None:
    task, row = waits.approval(), waits.sign_in()
    approvals.reject(task.pk, agent="careful", actor=BERT, reason="no")
    waits.over(row.pk)
    assert ask() == {"count": 0, "results": [], "next": None}


def test_what_nobody_can_end_any_more_is_no_wait_and_a_failed_onboarding_may_still_be_helped(
    waits: Waits, ask: Ask
) -> None:
    row, choice = waits.sign_in(), waits.choice()
    Run.objects.update(state=RunState.FAILED)
    Onboarding.objects.update(status=Status.FAILED)
    told = ask()["results"]
    assert [each["kind"] for each in told] == ["sign-in", "choice"]
    assert {each["at_deadline"] for each in told} == {
        "The onboarding has stopped already; resume it once this is done."
    }
    with clock.moved(timedelta(hours=2)):
        assert ask()["count"] == 0
    Login.objects.filter(run_id=row.pk).update(state=LoginState.EXCHANGING)
    assert [each["id"] for each in ask()["results"]] == [f"choice:{choice.pk}"]
    waits.start(choice.full_name)
    assert ask()["count"] == 0


def test_nobody_is_told_that_their_own_request_waits_for_them(
    waits: Waits, show: Callable[..., str], client: Client, settings: Settings
) -> None:
    sign_in(client, "approver")
    waits.approval(actor=Actor(kind=ActorKind.USER, name="a-approver", door=Door.API))
    assert "another approver" in show("/decisions", role="approver")
    assert show("/decisions?mine=1", role="approver").count("data-entry") == 0
    assert "Nothing waits for you" in show("/decisions/overview", role="approver")
    assert show("/decisions?mine=1", role="admin").count("data-entry") == 1
    settings.APPROVE_OWN_TASKS = True
    assert show("/decisions?mine=1", role="approver").count("data-entry") == 1


@pytest.mark.parametrize("method", LoginMethod.values)
def test_a_sign_in_of_each_kind_is_ended_by_its_act(
    waits: Waits, ask: Ask, client: Client, vault_environment: OpenBao, method: str
) -> None:
    assert vault_environment.url
    wiring.clients.cache_clear()
    row = waits.sign_in()
    Login.objects.update(method=method)
    act = ask()["results"][0]["act"]
    [field] = act["schema"]["required"]
    sign_in(client, "operator")
    answer = client.post(act["url"], {field: "planted-token-000000001"}, content_type="application/json")
    wiring.clients.cache_clear()
    if method == LoginMethod.LOGIN:  # the code must be the one of the page that the person opened
        assert (answer.status_code, answer.json()["code"]) == (422, "onboard:sign-in:bad-code")
        return
    assert answer.status_code == 202, answer.content
    ask(f"/api/decisions/sign-in:{row.pk}", status=404)


def test_tokens_of_agents_and_runners_see_nothing(waits: Waits, client: Client) -> None:
    waits.approval()
    owner = person("rita", "admin")
    _, runner = credentials.issue_token(
        owner, [Scope.RUNNER], token_class=TokenClass.RUNNER, environment="env-octo-org-bookmarks"
    )
    for token in (token_of("alpha", "echo"), runner):
        assert client.get("/api/decisions", headers={"Authorization": f"Bearer {token}"}).status_code == 403


def test_only_who_sees_the_project_sees_what_waits_in_it(
    waits: Waits, ask: Ask, show: Callable[..., str], client: Client
) -> None:
    boards.project("octo-org/bookmarks", group="team")
    task = waits.approval(project="octo-org/bookmarks")
    waits.sign_in(), waits.approval()
    assert [each["project"] for each in ask()["results"]] == [""]
    ask(f"/api/decisions/approval:{task.pk}", status=404)
    assert ask("/api/decisions/count")["count"] == 1
    assert "octo-org/bookmarks" not in show("/decisions") + show("/")
    assert ask(role="admin")["count"] == 3
    admin = User.objects.get(username="a-admin")
    _, token = credentials.issue_token(admin, [Scope.READ], projects=[Project.objects.get().pk])
    client.logout()
    answer = client.get("/api/decisions", headers={"Authorization": f"Bearer {token}"})
    assert {each["project"] for each in answer.json()["results"]} == {"octo-org/bookmarks"}


def test_the_page_says_what_waits_who_can_act_and_where(waits: Waits, show: Callable[..., str]) -> None:
    assert "Nothing waits for a person" in show("/decisions")
    task, row = waits.approval(), waits.sign_in()
    page = show("/decisions")
    assert page.count("data-entry") == 2
    assert f'href="/tasks/{task.pk}"' in page
    assert f'href="/onboarding/{row.pk}"' in page
    assert (page.count(">you<"), page.count("an approver")) == (1, 1)
    assert show("/decisions?kind=choice").count("data-entry") == 0
    assert "Nothing of this kind waits" in show("/decisions?kind=choice")
    fragment = show("/decisions", live=True)
    assert fragment.lstrip().startswith('<section id="decisions"')
    assert 'data-feed="run"' in fragment


def test_the_overview_tells_each_what_they_may_decide_themselves(waits: Waits, show: Callable[..., str]) -> None:
    waits.approval(), waits.sign_in()
    for role, words in {"operator": "octo-org/bookmarks", "approver": "May careful do change?"}.items():
        part = show("/decisions/overview", role=role)
        assert part.count("data-entry") == 1
        assert words in part
        assert words in show("/", role=role)
    assert "Nothing waits for you" in show("/decisions/overview", role="viewer")


def test_the_number_of_queries_does_not_grow(waits: Waits, client: Client) -> None:
    counts = []
    for number in range(3):
        waits.approval(), waits.sign_in(f"octo-org/app{number}"), waits.choice(f"octo-org/board{number}")
        sign_in(client, "operator")
        client.get("/decisions")  # its session is written once
        for path in ("/decisions", "/api/decisions", "/"):
            with CaptureQueriesContext(connection) as queries:
                client.get(path)
            counts.append((path, len(queries)))
    assert len(set(counts)) == 3, counts
    assert max(number for _, number in counts) <= MOST_QUERIES, counts
