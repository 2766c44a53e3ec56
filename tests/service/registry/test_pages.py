"""The pages of agents and tasks, as the server gives them: who sees and may do what, and a fixed number of queries."""

import json
import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.db.models.functions import Now
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from apps.agents.registry.models import Agent, Capability, Check, Instance, RoutingPolicy, Task
from apps.agents.registry.services import registration
from meshsix.kit import clock
from meshsix.live.models import Event
from tests import boards
from tests.service.registry.conftest import ANNA, Office
from tests.web_process import person

MOST_QUERIES = 12
PLANTED = "<script>planted=1</script>"
Show = Callable[..., str]


@pytest.fixture
def show(client: Client) -> Show:
    """Open a page, or fill in a form of it and follow, as somebody with this role; return what is shown."""

    def show(
        path: str, form: dict[str, str] | None = None, *, role: str = "operator", status: int = 200, live: bool = False
    ) -> str:
        name = f"a-{role}"
        client.force_login(User.objects.filter(username=name).first() or person(name, role))
        headers = {"HX-Request": "true"} if live else {}
        answer = client.get(path, headers=headers) if form is None else client.post(path, form, follow=True)
        assert answer.status_code == status, answer.content
        return answer.content.decode()

    return show


@pytest.mark.django_db
def test_without_agents_and_tasks_the_pages_say_what_makes_some(show: Show) -> None:
    assert "manage.py runagent" in show("/agents")
    assert "No agent fits" in show("/agents?status=online")
    assert "POST /api/tasks" in show("/tasks")
    assert "No task fits" in show("/tasks?status=failed")
    show("/agents/alpha", status=404)
    show("/agents/score/echo", status=404)
    show("/tasks/00000000-0000-4000-8000-000000000000", status=404)


def test_the_list_tells_of_status_slots_and_checks(office: Office, show: Show) -> None:
    office.register("alpha", "needy")
    Check.objects.update(ok=False, checked_at=clock.now())
    office.submit()
    office.age("needy", 61)
    page = show("/agents", role="viewer")
    assert page.count("data-entry") == 2
    assert "1 / 2" in page
    assert "vault-healthy down" in page
    assert "degraded" in page
    assert re.search(r"beat \d+ s ago", page)
    office.age("needy", 61)
    assert show("/agents?status=degraded").count("data-entry") == 1
    assert show("/agents?capability=echo&q=alp").count("data-entry") == 1
    fragment = show("/agents", live=True)
    assert fragment.lstrip().startswith('<section id="agents"')
    assert 'data-feed="task"' in fragment


def test_an_agents_page_tells_how_it_fares(office: Office, show: Show) -> None:
    office.register("alpha", "needy")
    office.succeeded("alpha", "+")
    done = office.run(office.submit("echo", "boom", "ok", allowed_agents=("alpha",)))
    assert done.status == "completed"
    page = show("/agents/alpha", role="viewer")
    assert "Success</dt><dd>50 % of the last 2 attempts" in page
    assert "1 error" in page
    assert f"/tasks/{done.task_id}" in page
    assert "What you may set" not in page
    assert "What you may set" in show("/agents/alpha")
    Check.objects.update(ok=False, checked_at=clock.now(), detail=PLANTED)
    needy = show("/agents/needy")
    assert "&lt;script&gt;planted" in needy
    assert PLANTED not in needy
    registration.leave("needy", "here", reason="sigterm", actor=ANNA)
    assert "manage.py runagent needy" in show("/agents/needy")


def test_an_agents_page_names_no_project_that_is_hidden(office: Office, show: Show) -> None:
    office.register("alpha")
    mine, other = boards.project("octo-org/mine"), boards.project("octo-org/other", group="insiders")
    Agent.objects.update(projects=[mine.full_name, other.full_name])
    assert f"Works for</dt><dd>{mine.full_name}</dd>" in show("/agents/alpha")
    Agent.objects.update(projects=[other.full_name])
    assert other.full_name not in show("/agents/alpha")


def test_an_operator_switches_an_agent_off_and_on(office: Office, show: Show) -> None:
    office.register("alpha")
    show("/agents/alpha/switch", {"enabled": "false"}, role="viewer", status=403)
    assert Agent.objects.get().enabled
    assert "alpha gets no more work" in show("/agents/alpha/switch", {"enabled": "false"})
    assert not Agent.objects.get().enabled
    event = Event.objects.filter(aggregate_id="agent:alpha").latest("aggregate_seq").payload
    assert (event["set"], event["actor"]["name"], event["actor"]["door"]) == ({"enabled": False}, "a-operator", "ui")
    assert "gets work again" in show("/agents/alpha/switch", {"enabled": "true"})
    show("/agents/nobody/switch", {"enabled": "true"}, status=404)


def test_slots_and_overrides_are_set_by_form_and_wrong_ones_are_named(office: Office, show: Show) -> None:
    office.register("beta")
    assert "has 7 slots now" in show("/agents/beta/slots", {"max_concurrency": "7"})
    wrong = show("/agents/beta/slots", {"max_concurrency": "700"}, status=422)
    assert "Nothing was set" in wrong
    assert 'value="700"' in wrong
    assert Agent.objects.get().max_concurrency == 7
    form = {"echo-override_weight": "0.25", "echo-override_preferred": "yes", "echo-history": "fresh"}
    show("/agents/beta/capabilities/echo", form, role="viewer", status=403)
    assert "is scored by what you set" in show("/agents/beta/capabilities/echo", form)
    row = Capability.objects.get(name="echo")
    assert (str(row.override_weight), row.override_preferred) == ("0.250", True)
    assert row.window_since is not None
    assert "set; declares 0.700" in show("/agents/beta")
    show("/agents/beta/capabilities/echo", {**form, "echo-override_weight": "2"}, status=422)
    cleared = {"echo-override_weight": "", "echo-override_preferred": "", "echo-history": "all"}
    show("/agents/beta/capabilities/echo", cleared)
    row.refresh_from_db()
    assert {row.override_weight, row.override_preferred, row.window_since} == {None}
    assert Capability.objects.get(name="repeat").override_weight is None
    show("/agents/beta/capabilities/nothing", form, status=404)


def test_an_operator_sets_how_tasks_are_routed(office: Office, show: Show) -> None:
    office.register("alpha")
    good = {"exploration_rate": "0.1", "hysteresis": "0.2", "spill_ratio": "0.5"}
    assert "Set routing" not in show("/agents/score/echo", role="viewer")
    show("/agents/score/echo/routing", good, role="viewer", status=403)
    assert "Nothing was set" in show("/agents/score/echo/routing", {**good, "hysteresis": "0.9"})
    assert not RoutingPolicy.objects.exists()
    assert "echo is routed by what you set." in show("/agents/score/echo/routing", good)
    assert "stays first unless another one exceeds it by 20 %" in show("/agents/score/echo")
    for unheard_of in ("nonsense", "Not-A-Name", "*", "x" * 101):
        show(f"/agents/score/{unheard_of}/routing", good, status=404)
    row = RoutingPolicy.objects.get()
    assert (row.pk, row.exploration_rate, row.hysteresis, row.spill_ratio) == ("echo", 0.1, 0.2, 0.5)


def test_scores_say_who_gets_the_next_task_and_why_not_the_others(office: Office, show: Show) -> None:
    office.register("alpha", "beta")
    page = show("/agents/score/echo?agent=beta", role="viewer")
    assert "<strong>alpha</strong> has the highest score, 0.945" in page
    assert "alpha had 0.945, it had 0.700." in page
    assert 'id="card-beta" class="chosen"' in page
    Agent.objects.update(projects=["octo-org/app"])
    nobody = show("/agents/score/echo")
    assert "Nobody can do it now" in nobody
    assert "does not work for this project" in nobody
    assert "has the highest score" in show("/agents/score/echo?project=Octo-Org/App")
    boards.project("octo-org/app", group="insiders")
    assert "Nobody can do it now" in show("/agents/score/echo?project=octo-org/app")


def test_the_feed_is_filtered_and_paged_by_the_address(office: Office, show: Show) -> None:
    office.register("alpha", "careful")
    office.work(office.submit(project="octo-org/app"))
    office.submit("change")
    office.submit("unheard-of")
    assert show("/tasks", role="viewer").count("data-entry") == 3
    for asked in ("status=completed", "agent=alpha", "capability=echo", "project=Octo-Org/App", "status=pending"):
        assert show(f"/tasks?{asked}").count("data-entry") == 1, asked
    assert show("/tasks?requester=anna&status=awaiting_approval").count("data-entry") == 1
    Task.objects.bulk_create(
        Task(capability="echo", payload={}, requested_by="bert", wait_until=clock.now()) for _ in range(55)
    )
    first = show("/tasks?requester=bert")
    older = first.partition("before=")[2].partition('"')[0].partition("&")[0]
    second = show(f"/tasks?requester=bert&before={older}")
    ids = [
        line.partition("/tasks/")[2][:36]
        for page in (first, second)
        for line in page.splitlines()
        if "data-entry" in line
    ]
    assert len(ids) == len(set(ids)) == 55
    assert "Newest" in second


def test_a_completed_task_tells_what_came_of_it_and_why(office: Office, show: Show) -> None:
    office.register("alpha", "beta")
    office.succeeded("alpha", "++++++")
    task = office.run(office.submit("echo", "boom", "ok", payload={"text": PLANTED}))
    page = show(f"/tasks/{task.task_id}", role="viewer")
    assert "with attempt 2" in page
    assert "Attempt 1 went to <strong>alpha</strong>" in page
    assert "It has the highest score." in page
    assert re.search(r"alpha had 1.0\d\d, it had 0.700.", page)
    assert "It has had its try at this task" in page
    assert "It has the highest score of those that had not had their try yet." in page
    assert "&lt;script&gt;planted" in page
    assert PLANTED not in page
    assert "Retry" not in page
    assert "Do once more" in show(f"/tasks/{task.task_id}")


def test_a_failed_task_says_what_to_do(office: Office, show: Show) -> None:
    office.register("alpha")
    failed = office.work(office.submit("echo", "permanent"))
    page = show(f"/tasks/{failed.task_id}")
    assert "It cannot be done as it was asked for." in page
    assert "What to do: Turn around." in page
    assert "test:no-way" in page
    again = show(f"/tasks/{failed.task_id}/retry", {})
    fresh = Task.objects.get(retry_of=failed.task_id)
    assert "This is the same once more" in again
    assert f"/tasks/{failed.task_id}" in again
    assert "Wait for its end" in show(f"/tasks/{fresh.task_id}/retry", {}).replace("wait for", "Wait for")


def test_a_waiting_task_says_for_what_and_is_cancelled_once(office: Office, show: Show) -> None:
    office.register("alpha")
    Agent.objects.update(enabled=False)
    task = office.submit()
    page = show(f"/tasks/{task.task_id}")
    assert "Nobody could do it then." in page
    assert "An operator has switched it off." in page
    show(f"/tasks/{task.task_id}/cancel", {}, role="viewer", status=403)
    assert "It is cancelled." in show(f"/tasks/{task.task_id}/cancel", {})
    assert "somebody or something else was faster" in show(f"/tasks/{task.task_id}/cancel", {}).lower()


def test_an_approver_sees_what_is_asked_and_answers_once(office: Office, show: Show) -> None:
    office.register("careful")
    task = office.submit("change")
    place = f"/tasks/{task.task_id}"
    assert "An approver can answer." in show(place)
    assert "Approve</button>" not in show(place)
    show(f"{place}/approve", {"agent": "careful"}, status=403)
    assert "May careful do this?" in show(place, role="approver")
    assert "Another agent is proposed now" in show(f"{place}/approve", {"agent": "alpha"}, role="approver")
    assert "Another agent is proposed now" in show(f"{place}/preview", {"agent": "alpha"}, role="approver")
    assert "careful shows here what it would do" in show(f"{place}/preview", {"agent": "careful"}, role="approver")
    shown = Task.objects.get(parent_task_id=task.task_id)
    assert f"/tasks/{shown.task_id}" in show(place, role="approver")
    office.work(shown)
    assert "say why" in show(f"{place}/reject", {"agent": "careful", "reason": " "}, role="approver")
    assert Task.objects.get(pk=task.pk).status == "awaiting_approval"
    assert "careful may do it." in show(f"{place}/approve", {"agent": "careful"}, role="approver")
    late = show(f"{place}/reject", {"agent": "careful", "reason": "no"}, role="approver")
    assert "was faster" in late
    office.work(task)
    other = office.submit("change")
    said = show(f"/tasks/{other.task_id}/reject", {"agent": "careful", "reason": "too risky"}, role="approver")
    assert "a-approver rejected it: too risky." in said


def test_a_preview_that_no_agent_takes_says_what_is_wrong(office: Office, show: Show) -> None:
    office.register("careful")
    Capability.objects.filter(name="change").update(preview={"text": 7})
    place = f"/tasks/{office.submit('change').task_id}"
    said = show(f"{place}/preview", {"agent": "careful"}, role="approver")
    assert "careful cannot show it with this payload: /payload/text" in said


def test_nobody_approves_their_own(office: Office, show: Show) -> None:
    office.register("careful")
    task = office.submit("change")
    Task.objects.update(requested_by="a-approver")
    assert "You asked for this yourself" in show(f"/tasks/{task.task_id}", role="approver")
    said = show(f"/tasks/{task.task_id}/approve", {"agent": "careful"}, role="approver")
    assert "Somebody else than the requester" in said
    assert Task.objects.get().status == "awaiting_approval"


def test_tasks_of_hidden_projects_are_shown_to_nobody_else(office: Office, show: Show) -> None:
    office.register("alpha")
    boards.project("octo-org/secret", group="insiders")
    task = office.work(office.submit(project="octo-org/secret"))
    assert show("/tasks").count("data-entry") == 0
    for path in ("", "/cancel", "/retry"):
        show(f"/tasks/{task.task_id}{path}", None if not path else {}, status=404)
    assert str(task.task_id) not in show("/agents/alpha")


def filled(office: Office, many: int) -> Task:
    """Fill every listing with so many rows; return a task with as many attempts and decisions."""
    office.register("alpha", "beta", "needy")
    office.succeeded("alpha", "+")
    office.succeeded("beta", "+")
    schemas = Capability.objects.filter(agent="alpha").values("input_schema_id", "output_schema_id")[0]
    for number in range(many):
        agent = Agent.objects.create(agent_id=f"more-{number}", title="More", kind="python", type="RULE", version="1")
        Capability.objects.create(agent=agent, name="echo", weight="0.1", **schemas)
        Check.objects.create(agent=agent, key="web", kind="url", target="http://x")
        now = clock.now()
        Instance.objects.create(agent=agent, instance_id="i", version="1", started_at=now, last_heartbeat_at=now)
    for _ in range(many):
        office.work(office.submit("echo", "permanent"))
    task = office.submit("echo", *["later"] * many, max_attempts=many)
    for _ in range(many):
        Instance.objects.update(last_heartbeat_at=Now())  # on a busy machine this takes longer than a beat lasts
        office.again(office.work(task))
    assert task.attempts == many
    return task


@pytest.mark.parametrize("many", [1, 8])
def test_no_listing_asks_more_for_more_rows(
    office: Office, client: Client, django_assert_max_num_queries: DjangoAssertNumQueries, many: int
) -> None:
    task = filled(office, many)
    client.force_login(person("a-operator", "operator"))
    for place in ("/agents", "/agents/alpha", "/agents/score/echo", "/tasks", f"/tasks/{task.task_id}"):
        with django_assert_max_num_queries(MOST_QUERIES):
            assert client.get(place).status_code == 200


def test_lists_are_given_as_files_of_what_is_shown(office: Office, show: Show) -> None:
    office.register("alpha")
    task = office.work(office.submit(capability="echo"))
    office.submit("unheard-of")
    head, row = show("/tasks?capability=echo&format=csv").splitlines()
    assert head.startswith("task_id,created_at,capability,status,")
    assert row.startswith(f"{task.task_id},{task.created_at.isoformat()},echo,completed,alpha,1,5,")
    (found,) = json.loads(show("/agents?format=json"))["results"]
    assert (found["agent_id"], found["status"], found["capabilities"]) == ("alpha", "online", "echo")
    assert "format=csv" in show("/tasks?capability=echo")
