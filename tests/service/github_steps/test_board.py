"""The board is found, taken over or made; nothing of people's is lost; a second run only reads."""

from dataclasses import replace
from typing import Any

import pytest

from apps.onboarding.steps.board import create_project_board
from apps.onboarding.words import BoardReady, BoardWanted
from meshsix.durable.definition import Answer, StepFacts
from meshsix.durable.outcomes import Permanent, WaitFor
from meshsix.integrations.errors import TryLater
from tests.github_bench import Bench

STATUS = ["Todo", "Planning", "In Progress", "QA", "Review", "Blocked", "Done"]
CREATE = """mutation ($owner: ID!, $repository: ID!, $title: String!) {
  createProjectV2(input: {ownerId: $owner, repositoryId: $repository, title: $title}) {
    projectV2 { id number fields(first: 20) { nodes { ... on ProjectV2FieldCommon { id name } } } }
  }
}"""
ADD_FIELD = """mutation ($project: ID!, $name: String!) {
  createProjectV2Field(input: {projectId: $project, name: $name, dataType: NUMBER}) { projectV2Field { __typename } }
}"""
ADD_DRAFT = """mutation ($project: ID!) {
  addProjectV2DraftIssue(input: {projectId: $project, title: "A card"}) { projectItem { id } }
}"""
CLOSE = (
    """mutation ($project: ID!) { updateProjectV2(input: {projectId: $project, closed: true}) { clientMutationId } }"""
)
OPTIONS = """mutation ($field: ID!, $options: [ProjectV2SingleSelectFieldOptionInput!]) {
  updateProjectV2Field(input: {fieldId: $field, singleSelectOptions: $options}) { clientMutationId }
}"""


@pytest.fixture
def wanted(bench: Bench, this: StepFacts) -> BoardWanted:
    return BoardWanted(ask=bench.ask(), validate_repo=bench.access(), answer=None, this=this)


def make(bench: Bench, wanted: BoardWanted) -> BoardReady:
    return create_project_board(wanted, bench.clients)


def boards(bench: Bench) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = bench.sandbox.state()["boards"]
    return found


def by_hand(bench: Bench, wanted: BoardWanted, title: str = "Roadmap") -> dict[str, Any]:
    access = wanted.validate_repo
    made = bench.sandbox.graphql(CREATE, owner=access.owner_node_id, repository=access.repository_node_id, title=title)
    board: dict[str, Any] = made["createProjectV2"]["projectV2"]
    return board


def field_id(board: dict[str, Any], name: str) -> str:
    return next(str(field["id"]) for field in board["fields"]["nodes"] if field["name"] == name)


def test_a_board_is_made_with_all_its_fields(bench: Bench, wanted: BoardWanted) -> None:
    ready = make(bench, wanted)
    assert ready.changed
    assert not ready.adopted
    (board,) = boards(bench)
    assert board["repositories"] == ["octo-org/bookmarks"]
    assert board["fields"]["Status"] == STATUS
    assert board["fields"]["Priority"] == ["Critical", "High", "Medium", "Low"]
    assert {board["fields"][name] for name in ("Session ID", "Pod Name", "Workflow ID")} == {"TEXT"}
    assert "mesh-six: octo-org/bookmarks" in board["readme"]
    assert list(ready.option_ids["Status"]) == STATUS
    assert set(ready.field_ids) >= {"Status", "Priority", "Session ID", "Pod Name", "Workflow ID"}


def test_a_second_run_only_reads_and_says_the_same(bench: Bench, wanted: BoardWanted) -> None:
    first = make(bench, wanted)
    bench.sandbox.forget_requests()
    second = make(bench, wanted)
    assert not bench.sandbox.requests(changes=True)
    assert second == replace(first, adopted=True, changed=False)


def test_a_user_gets_a_board_too(bench: Bench, this: StepFacts) -> None:
    full_name = "octo-user/notes"
    wanted = BoardWanted(ask=bench.ask(full_name), validate_repo=bench.access(full_name), answer=None, this=this)
    assert make(bench, wanted).title == "Mesh Six: octo-user/notes"


def test_the_only_board_of_people_is_taken_over(bench: Bench, wanted: BoardWanted) -> None:
    mine = by_hand(bench, wanted)
    ready = make(bench, wanted)
    assert ready.board_id == mine["id"]
    assert ready.adopted
    assert len(boards(bench)) == 1
    assert boards(bench)[0]["title"] == "Roadmap"


def test_our_board_is_known_again_by_its_mark_whatever_else_is_linked(bench: Bench, wanted: BoardWanted) -> None:
    ours = make(bench, wanted)
    by_hand(bench, wanted, "Roadmap")
    by_hand(bench, wanted, "Ideas")
    assert make(bench, wanted).board_id == ours.board_id


def test_several_boards_are_a_question_for_a_person(bench: Bench, wanted: BoardWanted) -> None:
    by_hand(bench, wanted, "Roadmap")
    ideas = by_hand(bench, wanted, "Ideas")
    bench.sandbox.forget_requests()
    with pytest.raises(WaitFor) as caught:
        make(bench, wanted)
    assert caught.value.name == f"choose-board:{wanted.this.run_id}"
    assert len(caught.value.asked.facts) == 2
    assert not bench.sandbox.requests(changes=True)
    chosen = Answer(id="1", name=caught.value.name, payload={"board": ideas["number"]})
    assert make(bench, replace(wanted, answer=chosen)).board_id == ideas["id"]


def test_a_new_board_may_be_chosen_and_is_made_once(bench: Bench, wanted: BoardWanted) -> None:
    by_hand(bench, wanted, "Roadmap")
    by_hand(bench, wanted, "Ideas")
    answered = replace(wanted, answer=Answer(id="1", name="x", payload={"board": 0}))
    bench.sandbox.fault("drop-after-effect", match={"operation": "createProjectV2"})
    with pytest.raises(TryLater):
        make(bench, answered)
    make(bench, answered)
    assert len(boards(bench)) == 3


@pytest.mark.parametrize(
    "answer",
    [
        Answer(id="1", name="x", payload={}, timed_out=True),
        Answer(id="1", name="x", payload={"board": "Roadmap"}),
        Answer(id="1", name="x", payload={}),
    ],
)
def test_no_choice_ends_the_run_with_a_hint(bench: Bench, wanted: BoardWanted, answer: Answer) -> None:
    with pytest.raises(Permanent) as caught:
        make(bench, replace(wanted, answer=answer))
    assert caught.value.code == "onboard:board:no-choice"


def test_the_asked_for_board_is_taken_without_a_question(bench: Bench, wanted: BoardWanted) -> None:
    by_hand(bench, wanted, "Roadmap")
    ideas = by_hand(bench, wanted, "Ideas")
    ask = replace(wanted.ask, adopt_board=ideas["number"])
    assert make(bench, replace(wanted, ask=ask)).board_id == ideas["id"]
    assert make(bench, wanted).board_id == ideas["id"], "its mark makes it ours"


def test_a_board_that_is_not_linked_cannot_be_taken(bench: Bench, wanted: BoardWanted) -> None:
    with pytest.raises(Permanent) as caught:
        make(bench, replace(wanted, ask=replace(wanted.ask, adopt_board=99)))
    assert caught.value.code == "onboard:board:not-linked"


def test_closed_boards_do_not_count(bench: Bench, wanted: BoardWanted) -> None:
    closed = by_hand(bench, wanted, "Old")
    bench.sandbox.graphql(CLOSE, project=closed["id"])
    assert make(bench, wanted).board_id != closed["id"]


def test_options_of_people_stay_behind_ours(bench: Bench, wanted: BoardWanted) -> None:
    mine = by_hand(bench, wanted)
    names = ["Icebox", "todo", "Done"]
    options = [{"name": name, "color": "PINK", "description": "mine"} for name in names]
    bench.sandbox.graphql(OPTIONS, field=field_id(mine, "Status"), options=options)
    make(bench, wanted)
    assert boards(bench)[0]["fields"]["Status"] == ["todo", *STATUS[1:], "Icebox"]


def test_cards_never_lose_their_values(bench: Bench, wanted: BoardWanted) -> None:
    mine = by_hand(bench, wanted)
    bench.sandbox.graphql(ADD_DRAFT, project=mine["id"])
    with pytest.raises(Permanent) as caught:
        make(bench, wanted)
    assert caught.value.code == "onboard:board:options-would-be-lost"
    assert boards(bench)[0]["fields"]["Status"] == ["Todo", "In Progress", "Done"]


def test_a_field_of_another_type_is_left_alone(bench: Bench, wanted: BoardWanted) -> None:
    mine = by_hand(bench, wanted)
    bench.sandbox.graphql(ADD_FIELD, project=mine["id"], name="Pod Name")
    with pytest.raises(Permanent) as caught:
        make(bench, wanted)
    assert caught.value.code == "onboard:board:field-type"


STEPS = ["createProjectV2", "createProjectV2Field", "updateProjectV2Field", "updateProjectV2"]


@pytest.mark.parametrize("operation", STEPS)
@pytest.mark.parametrize("kind", ["drop-before-effect", "drop-after-effect", "status"])
def test_a_failure_at_any_change_leaves_one_of_each(
    bench: Bench, wanted: BoardWanted, operation: str, kind: str
) -> None:
    bench.sandbox.fault(kind, match={"operation": operation})
    with pytest.raises(TryLater) as caught:
        make(bench, wanted)
    assert caught.value.counts
    make(bench, wanted)
    (board,) = boards(bench)
    assert board["fields"]["Status"] == STATUS
    assert board["readme"].count("mesh-six: ") == 1
    assert [name for name in board["fields"] if name in ("Pod Name", "Priority")] == ["Pod Name", "Priority"]


@pytest.mark.parametrize("kind", ["rate-limit-primary", "rate-limit-secondary", "graphql-rate-limit"])
@pytest.mark.parametrize("operation", ["linkedBoards", "createProjectV2Field"])
def test_a_limit_waits_until_its_time_and_counts_no_attempt(
    bench: Bench, wanted: BoardWanted, kind: str, operation: str
) -> None:
    bench.sandbox.fault(kind, match={"operation": operation}, seconds=1)
    with pytest.raises(TryLater) as caught:
        make(bench, wanted)
    assert not caught.value.counts
    assert caught.value.pause is not None
    bench.sandbox.forget_requests()
    with pytest.raises(TryLater) as again:
        make(bench, wanted)
    assert not again.value.counts
    assert not bench.sandbox.requests(), "while the limit lasts nobody asks"
