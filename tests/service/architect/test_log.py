"""The architect's log: append-only, each entry once and with its event, and who may read it by REST."""

import threading
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.agents.registry.queries.visibility import visible_aggregates
from apps.agents.roster.architect import log, queries, services
from apps.agents.roster.architect.issues import Issue
from apps.agents.roster.architect.models import Entry
from apps.agents.roster.architect.words import Said
from apps.projects.models import Project
from meshsix.live.models import Event
from tests.service.registry.conftest import ANNA
from tests.web_process import person

ISSUE = Issue.parse("octo-org/app#7")
PATH = "/api/architect/octo-org/app/7/history"


@pytest.fixture
def project(db: None) -> Project:  # noqa: ARG001 - it works on the database
    """A project that only one group may see."""
    made = Project.objects.create(
        service_name="app",
        owner="Octo-Org",
        name="App",
        repo_url="https://github.example.com/octo-org/app",
        default_branch="main",
        execution_mode="local",
        env_name="env-octo-org-app",
    )
    made.groups.add(Group.objects.create(name="team"))
    return made


def entry(number: int) -> None:
    log.append(ISSUE, Said.CONSULTED, {"number": number}, key=f"consulted:{number}")


@pytest.mark.django_db
def test_an_entry_is_written_once_with_its_event() -> None:
    first = services.initialize(ISSUE, title="A title", item="I_1", actor=ANNA)
    again = services.initialize(ISSUE, title="Another title", actor=ANNA)
    assert (first.is_new, again.is_new, again.entry) == (True, False, first.entry)
    assert first.entry.payload == {"title": "A title", "text": "", "project": "octo-org/app", "item": "I_1"}
    event = Event.objects.get(aggregate_id="architect:octo-org/app/7")
    assert (event.event_type, event.payload["operation"], event.payload["store_key"]) == (
        "state.write",
        "activated",
        "architect_events/octo-org/app/7/initialized",
    )
    assert services.deactivate(ISSUE, reason="Done.", actor=ANNA).entry.number == 2


@pytest.mark.django_db
def test_neither_entry_nor_event_stays_of_what_is_rolled_back() -> None:
    with transaction.atomic():
        entry(1)
        transaction.set_rollback(True)
    assert not Entry.objects.exists()
    entry(1)
    assert Entry.objects.get().number == Event.objects.get(aggregate_id=ISSUE.aggregate_id).aggregate_seq == 1


@pytest.mark.django_db
@pytest.mark.parametrize("statement", ["UPDATE architect_events SET number = 9", "DELETE FROM architect_events"])
def test_an_entry_is_never_changed(statement: str) -> None:
    entry(1)
    with pytest.raises(DatabaseError, match="append-only"), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.django_db
@pytest.mark.parametrize("values", [{"event_type": "danced"}, {"event_key": ""}, {"number": 0}, {"event_key": "k"}])
def test_what_is_no_entry_is_refused_by_the_database(values: dict[str, Any]) -> None:
    usual = {"actor_id": "a/b/1", "number": 1, "project": "a/b", "event_type": "consulted", "event_key": "k"}
    Entry.objects.create(**{**usual, "number": 2, "event_key": "k"}, payload={})
    with pytest.raises(IntegrityError), transaction.atomic():
        Entry.objects.create(**{**usual, "event_key": "other", **values}, payload={})


@pytest.mark.django_db(transaction=True)
def test_two_who_write_the_same_at_once_write_one_entry_and_numbers_have_no_gap() -> None:
    failures: list[BaseException] = []

    def write() -> None:
        try:
            for number in range(10):
                entry(number)
        except DatabaseError as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=write) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert failures == []
    rows = queries.history(ISSUE).values_list("number", "payload__number")
    assert list(rows) == [(number + 1, number) for number in range(10)]


def history(client: Client, path: str = PATH, *, status: int = 200) -> Any:  # noqa: ANN401 - JSON
    answer = client.get(path)
    assert answer.status_code == status, answer.content
    return answer.json()


@pytest.mark.usefixtures("project")
def test_the_history_is_paged_for_who_may_see_the_project(client: Client) -> None:
    for number in range(3):
        entry(number)
    client.force_login(person("tim", "viewer", "team"))
    page = history(client, f"{PATH}?limit=2")
    assert [row["number"] for row in page["results"]] == [1, 2]
    assert (page["actor_id"], page["results"][0]["event_type"]) == ("octo-org/app/7", "consulted")
    rest = history(client, page["next"])
    assert ([row["number"] for row in rest["results"]], rest["next"]) == ([3], None)
    assert history(client, PATH.replace("octo-org/app", "OCTO-ORG/APP"))["results"][0]["number"] == 1
    assert history(client, PATH.replace("/7/", "/8/"))["results"] == []


@pytest.mark.usefixtures("project")
def test_nobody_else_sees_it(client: Client) -> None:
    entry(1)
    history(client, status=401)
    vera = person("vera", "viewer")
    client.force_login(vera)
    history(client, status=404)
    history(client, PATH.replace("app/7", "nothing/7"), status=404)
    history(client, PATH.replace("octo-org", "-"), status=404)
    client.force_login(person("nobody"))
    history(client, status=403)
    aggregates = {ISSUE.aggregate_id}
    assert visible_aggregates(vera, aggregates) == set()
    assert visible_aggregates(person("tom", "viewer", "team"), aggregates) == aggregates


@pytest.mark.usefixtures("project")
def test_the_number_of_queries_does_not_grow(client: Client) -> None:
    client.force_login(person("ada", "admin"))
    counts = []
    for most in (1, 12):
        for number in range(most):
            entry(number)
        history(client)
        with CaptureQueriesContext(connection) as captured:
            assert len(history(client)["results"]) == most
        counts.append(len(captured))
    assert counts[0] == counts[1]
