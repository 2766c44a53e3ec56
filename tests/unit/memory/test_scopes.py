"""Who reads and writes which memory."""

import pytest

from apps.agents.llm.words import Work
from apps.agents.memory.scopes import NoSuchScope, Scope, person, readable, written

WORK = Work(agent_id="tester", task_id="t-1", project="Octo-Org/App", issue="Octo-Org/App#7")


def test_work_reads_its_own_scopes_and_no_other() -> None:
    assert set(readable(WORK)) == {
        (Scope.TASK, "t-1"),
        (Scope.TASK, "octo-org/app#7"),
        (Scope.PROJECT, "octo-org/app"),
        (Scope.AGENT, "tester"),
        (Scope.GLOBAL, "all"),
    }
    assert set(readable(Work(agent_id="tester"))) == {(Scope.AGENT, "tester"), (Scope.GLOBAL, "all")}


@pytest.mark.parametrize("scope", Scope)
def test_what_is_written_can_be_read_by_the_same_work(scope: Scope) -> None:
    for shares in (True, False):
        assert written(scope, WORK, shares=shares) in readable(WORK)


def test_a_project_that_does_not_share_keeps_what_would_leave_it() -> None:
    for scope in (Scope.AGENT, Scope.GLOBAL):
        assert written(scope, WORK, shares=False) == (Scope.PROJECT, "octo-org/app")
    assert written(Scope.TASK, WORK, shares=False) == (Scope.TASK, "octo-org/app#7")


@pytest.mark.parametrize("scope", [Scope.TASK, Scope.PROJECT])
def test_work_without_a_task_or_project_has_no_such_scope(scope: Scope) -> None:
    with pytest.raises(NoSuchScope):
        written(scope, Work(agent_id="tester"), shares=True)


def test_a_name_opens_the_memories_of_ones_own_people_alone() -> None:
    by_anna, by_bob = (Work(agent_id="tester", requested_by=name) for name in ("anna", "bob"))
    assert (person(by_anna, None), person(by_anna, "anna"), person(by_anna, "")) == ("anna", "anna", "")
    assert person(by_anna, "bob") not in {person(by_bob, None), person(by_bob, "bob"), person(by_bob, "anna")}
    assert person(by_anna, "visitor") != person(by_bob, "visitor")
