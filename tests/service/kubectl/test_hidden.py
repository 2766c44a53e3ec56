"""Who may look at the namespace in which the environments of projects live."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, User

from apps.agents.registry.models import History, Task
from apps.projects.models import Environment, Project
from meshsix.kit.actor import Actor, ActorKind, Door
from tests.service.kubectl.conftest import NAMESPACE, Yard

_CODE = "kubectl:others-environments"


def asker(name: str, *groups: str) -> Actor:
    """Make a person in these groups."""
    made = User.objects.create_user(name)
    made.groups.set([Group.objects.get_or_create(name=each)[0] for each in groups])
    return Actor(kind=ActorKind.USER, name=name, door=Door.API)


def project(name: str, group: str = "") -> Project:
    """Make a project with an environment, which only one group may see where it is named."""
    made = Project.objects.create(
        service_name=name,
        owner="octo",
        name=name,
        repo_url=f"https://github.example.com/octo/{name}",
        default_branch="main",
        execution_mode="local",
        env_name=f"env-octo-{name}",
    )
    Environment.objects.create(env_name=made.env_name, project=made)
    if group:
        made.groups.add(Group.objects.get_or_create(name=group)[0])
    return made


def looked(yard: Yard, actor: Actor, capability: str, about: Project | None = None, **payload: Any) -> Task:  # noqa: ANN401 - a payload
    """Look as somebody, for a project where one is named; return the task as it ended."""
    task = yard.office.submit(
        capability,
        payload={"text": None, "modes": None, "namespace": NAMESPACE, **payload},
        project=about.full_name.lower() if about else "",
        max_attempts=1,
        actor=actor,
    )
    return yard.worked(task)


def code(task: Task) -> str:
    return str(task.error["code"]) if task.error else ""


@pytest.mark.parametrize("capability", ["inspect-cluster", "debug-pods"])
def test_who_may_not_see_a_project_may_not_look_where_its_environment_lives(yard: Yard, capability: str) -> None:
    project("open")
    olga = asker("olga", "operator")
    assert looked(yard, olga, capability).status == "completed"
    project("secret", "team")
    yard.kubernetes.forget_requests()
    assert code(looked(yard, olga, capability)) == _CODE
    assert code(looked(yard, Actor(kind=ActorKind.USER, name="unknown", door=Door.CLI), capability)) == _CODE
    assert yard.kubernetes.requests() == []
    assert not History.objects.filter(counted=True, success=False).exists(), "it says nothing of the agent"
    assert looked(yard, asker("tim", "operator", "team"), capability).status == "completed"
    assert looked(yard, asker("ada", "admin"), capability).status == "completed"


def test_a_task_of_a_project_sees_what_is_its_own_and_nothing_of_others(yard: Yard) -> None:
    own = project("open")
    ada = asker("ada", "admin")
    assert looked(yard, ada, "inspect-cluster", own).status == "completed"
    project("other")
    assert code(looked(yard, ada, "inspect-cluster", own)) == _CODE
    assert code(looked(yard, ada, "inspect-cluster", own, name="env-octo-other-0", action="logs")) == _CODE
    assert code(looked(yard, ada, "inspect-cluster", own, name="env-octo-open-0", action="events")) == ""
    assert code(looked(yard, ada, "inspect-cluster", own, name="env-octo-open")) == ""
    assert code(looked(yard, ada, "debug-pods", own, labels="app.kubernetes.io/name=env-octo-open")) == ""
    assert code(looked(yard, ada, "debug-pods", own, name="env-octo-open")) == _CODE
    assert code(looked(yard, ada, "debug-pods", own, labels="app.kubernetes.io/name=env-octo-other")) == _CODE


def test_other_namespaces_hold_no_environments(yard: Yard, settings: Any) -> None:  # noqa: ANN401 - of pytest-django
    settings.KUBERNETES_NAMESPACE = "elsewhere"
    project("secret", "team")
    assert looked(yard, asker("olga", "operator"), "inspect-cluster").status == "completed"
