"""Who may read the events of tasks."""

from uuid import uuid4

import pytest
from django.contrib.auth.models import AnonymousUser, Group, User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.agents.registry.models import Task
from apps.agents.registry.queries.visibility import visible_aggregates, visible_tasks
from apps.projects import queries as projects
from apps.projects.models import Project
from tests.service.registry.conftest import Office


def person(name: str, *roles: str) -> User:
    made = User.objects.create_user(name)
    made.groups.set(Group.objects.filter(name__in=roles))
    return User.objects.get(pk=made.pk)


@pytest.fixture
def hidden(office: Office) -> Project:
    """A project that only one group may see."""
    office.register("alpha")
    made = Project.objects.create(
        service_name="app",
        owner="octo-org",
        name="app",
        repo_url="https://github.example.com/octo-org/app",
        default_branch="main",
        execution_mode="local",
        env_name="env-octo-org-app",
    )
    made.groups.add(Group.objects.create(name="team"))
    return made


def aggregates(task: Task) -> set[str]:
    return {f"task:{task.pk}", f"run:{task.run_id}"}


def test_a_task_and_its_runs_are_seen_by_who_may_see_the_project(office: Office, hidden: Project) -> None:
    secret, plain = office.submit("echo", project=hidden.full_name), office.submit("echo")
    asked = aggregates(secret) | aggregates(plain)
    assert visible_aggregates(person("vera", "viewer"), asked) == aggregates(plain)
    assert visible_aggregates(person("tim", "viewer", "team"), asked) == asked
    assert visible_aggregates(person("ada", "admin"), asked) == asked
    assert visible_aggregates(person("nobody"), asked) == set()
    assert visible_aggregates(AnonymousUser(), asked) == set()


def test_who_is_bound_to_a_project_sees_its_tasks_alone(office: Office, hidden: Project) -> None:
    own, plain = office.submit("echo", project=hidden.full_name), office.submit("echo")
    bound = person("ada", "admin")
    projects.bind(bound, [hidden.pk])
    assert visible_aggregates(bound, aggregates(own) | aggregates(plain)) == aggregates(own)
    assert list(visible_tasks(bound)) == [own]


def test_the_number_of_queries_does_not_grow(office: Office, hidden: Project) -> None:
    vera = person("vera", "viewer")
    tasks = [office.submit("echo", project=hidden.full_name) for _ in range(2)]
    counts = []
    for some in (tasks[:1], tasks):
        fresh = User.objects.get(pk=vera.pk)
        with CaptureQueriesContext(connection) as queries:
            visible_aggregates(fresh, {name for task in some for name in aggregates(task)} | {f"task:{uuid4()}"})
        counts.append(len(queries))
    assert counts[0] == counts[1]
