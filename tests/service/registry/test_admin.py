"""The registry in Django's admin: every table opens, nothing is written by hand, acts go through the services."""

import pytest
from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from apps.agents.registry.models import Agent, Capability, Dispatch, History, Task
from meshsix.live.models import Event
from tests import boards
from tests.service.registry.conftest import Office
from tests.web_process import person

TABLES = ("agent", "capability", "check", "instance", "schema", "routingpolicy", "task", "history", "dispatch")
MOST_QUERIES = 14


def at(client: Client, *roles: str) -> Client:
    """Return the client, signed in as somebody with these roles who may enter the admin."""
    account = person(f"a-{'-'.join(roles)}", *roles)
    account.is_staff = True
    account.save()
    client.force_login(account)
    return client


def place(table: str) -> str:
    return f"/admin/registry/{table}/"


def act(client: Client, table: str, name: str, *keys: object, confirmed: bool = True, **more: str) -> str:
    form: dict[str, object] = {"action": name, ACTION_CHECKBOX_NAME: [str(key) for key in keys], **more}
    answer = client.post(place(table), form | ({"confirmed": "yes"} if confirmed else {}), follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def test_every_table_opens_and_none_is_written_by_hand(office: Office, client: Client) -> None:
    office.register("alpha", "needy")
    office.policy(hysteresis=0.1)
    task = office.work(office.submit())
    staff = at(client, "admin")
    for table in TABLES:
        assert staff.get(place(table)).status_code == 200, table
        assert staff.get(f"{place(table)}add/").status_code == 403, table
    rows = {"task": task, "history": History.objects.get(), "dispatch": Dispatch.objects.get()}
    for table, row in rows.items():
        assert staff.get(f"{place(table)}{row.pk}/change/").status_code == 200, table
        assert staff.post(f"{place(table)}{row.pk}/change/", {}).status_code == 403, table
        assert staff.post(f"{place(table)}{row.pk}/delete/", {"post": "yes"}).status_code == 403, table
    registered = {model.__name__.lower() for model in admin.site._registry if model._meta.app_label == "registry"}
    assert registered == set(TABLES)


def test_lists_ask_the_same_for_more_rows(
    office: Office, client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    office.register("alpha", "beta", "needy")
    for _ in range(6):
        office.work(office.submit())
    staff = at(client, "admin")
    for table in TABLES:
        with django_assert_max_num_queries(MOST_QUERIES):
            staff.get(place(table))


def test_an_act_asks_first_and_then_calls_the_service_for_each_row(office: Office, client: Client) -> None:
    office.register("alpha", "beta")
    staff = at(client, "operator")
    assert "gets no more work" in act(staff, "agent", "disable", "alpha", "beta", confirmed=False)
    assert Agent.objects.filter(enabled=True).count() == 2
    act(staff, "agent", "disable", "alpha", "beta")
    assert not Agent.objects.filter(enabled=True).exists()
    event = Event.objects.filter(aggregate_id="agent:alpha").latest("aggregate_seq").payload
    assert (event["set"], event["actor"]["door"]) == ({"enabled": False}, "admin")
    act(staff, "agent", "enable", "beta")
    assert Agent.objects.get(pk="beta").enabled


def test_overrides_are_taken_back_and_a_fresh_start_is_given(office: Office, client: Client) -> None:
    office.register("beta")
    Capability.objects.update(override_weight="0.1", override_preferred=True)
    echo = Capability.objects.get(name="echo")
    staff = at(client, "operator")
    act(staff, "capability", "clear_overrides", echo.pk)
    act(staff, "capability", "start_afresh", echo.pk)
    echo.refresh_from_db()
    assert (echo.override_weight, echo.override_preferred) == (None, None)
    assert echo.window_since is not None
    assert Capability.objects.get(name="repeat").override_preferred is True


def test_tasks_are_cancelled_retried_approved_and_rejected_with_a_result_for_each(
    office: Office, client: Client
) -> None:
    office.register("alpha", "careful")
    done, waiting, risky = office.work(office.submit()), office.submit("unheard-of"), office.submit("change")
    staff = at(client, "operator")
    said = act(staff, "task", "cancel", done.pk, waiting.pk)
    assert said.count("done.") == 1
    assert "cannot be cancelled" in said
    assert Task.objects.get(pk=waiting.pk).status == "cancelled"
    act(staff, "task", "retry", done.pk)
    assert Task.objects.filter(retry_of=done.pk).count() == 1
    assert "needs the role approver" in act(staff, "task", "approve", risky.pk)
    approver = at(client, "approver")
    act(approver, "task", "approve", risky.pk)
    assert Task.objects.get(pk=risky.pk).status == "dispatched"
    office.work(risky)
    other = office.submit("change")
    assert "Why, for the requester:" in act(approver, "task", "reject", other.pk, note=" ")
    assert Task.objects.get(pk=other.pk).status == "awaiting_approval"
    said = act(approver, "task", "reject", other.pk, done.pk, note="too risky")
    other.refresh_from_db()
    assert (said.count("done."), other.status) == (1, "failed")
    assert "too risky" in str(other.error)


@pytest.mark.parametrize("table", ["task", "history", "dispatch"])
def test_what_belongs_to_a_hidden_project_is_not_shown(office: Office, client: Client, table: str) -> None:
    office.register("alpha")
    boards.project("octo-org/secret", group="insiders")
    task = office.work(office.submit(project="octo-org/secret"))
    assert str(task.task_id) in at(client, "admin").get(place(table)).content.decode()
    assert str(task.task_id) not in at(client, "viewer").get(place(table)).content.decode()
