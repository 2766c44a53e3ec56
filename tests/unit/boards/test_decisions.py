"""What a look at a card means: every pair of spots, echoes of our own moves, and people who move at the same time."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.onboarding.steps.board import SELECT_FIELDS
from apps.projects.boards.columns import NO_STATUS, Column, Place, option_ids, place
from apps.projects.boards.decisions import TELLS, Expected, Spot, Standing, decide
from apps.projects.canonical import Kind

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
COLUMNS = [NO_STATUS, *(column.value for column in Column), "Icebox"]
SPOTS = {NO_STATUS: Spot.UNSORTED, "Todo": Spot.TODO, "Blocked": Spot.BLOCKED}
NOBODY = "absent"


def at(column: str) -> Place:
    return Place(option_id=f"id-{column}" if column else "", column=column)


def stands(column: str, *, workable: bool = True, after: int = 0) -> Standing:
    return Standing(place=at(column), workable=workable, updated_at=NOW + after * SECOND)


def ours(column: str, *, came_from: str = "Todo", made: bool = False, seconds: int = 300) -> Expected:
    return Expected(
        target=at(column), from_option_id=at(came_from).option_id, made=made, expires_at=NOW + seconds * SECOND
    )


def test_the_table_has_every_pair() -> None:
    assert set(TELLS) == {(one, other) for one in Spot for other in Spot}


@pytest.mark.parametrize("came_from", [NOBODY, *COLUMNS])
@pytest.mark.parametrize("goes_to", [NOBODY, *COLUMNS])
def test_every_move_is_told_as_the_table_says(came_from: str, goes_to: str) -> None:
    previous = None if came_from == NOBODY else stands(came_from)
    seen = None if goes_to == NOBODY else stands(goes_to, after=1)
    start = Spot.ABSENT if previous is None else SPOTS.get(came_from, Spot.ELSEWHERE)
    end = Spot.ABSENT if seen is None else SPOTS.get(goes_to, Spot.ELSEWHERE)
    decision = decide(previous, seen, now=NOW)
    assert decision.kind == (None if came_from == goes_to else TELLS[start, end])
    assert decision.came_from == ("" if came_from == NOBODY else came_from)


def test_whether_a_move_of_ours_ran_out_is_asked_by_githubs_time() -> None:
    late = decide(stands("Todo"), stands("QA", after=1), [ours("QA")], now=NOW + timedelta(hours=1))
    assert (late.kind, late.own, late.settled) == (None, True, frozenset({at("QA").option_id}))
    persons = decide(stands("Todo"), stands("QA", after=301), [ours("QA")], now=NOW)
    assert (persons.kind, persons.own, persons.settled) == (Kind.CARD_MOVED, False, frozenset({at("QA").option_id}))


def test_a_move_of_ours_that_was_not_made_in_time_is_given_up() -> None:
    assert not decide(stands("Todo"), stands("Todo"), [ours("QA")], now=NOW).settled
    late = decide(stands("Todo"), stands("Todo"), [ours("QA")], now=NOW + timedelta(hours=1))
    assert (late.kind, late.settled) == (None, frozenset({at("QA").option_id}))


@pytest.mark.parametrize("column", COLUMNS)
def test_only_a_change_of_the_status_is_a_move(column: str) -> None:
    decision = decide(stands(column), stands(column, after=9), now=NOW)
    assert (decision.kind, decision.moved) == (None, False)


def test_an_option_that_was_renamed_or_made_anew_under_its_name_moves_nothing() -> None:
    renamed = Standing(place=Place(option_id="id-Icebox", column="Later"), workable=True, updated_at=NOW)
    anew = Standing(place=Place(option_id="another", column="Icebox"), workable=True, updated_at=NOW)
    assert decide(stands("Icebox"), renamed, now=NOW).kind is None
    assert decide(stands("Icebox"), anew, now=NOW).kind is None


@pytest.mark.parametrize("came_from", [None, *COLUMNS])
@pytest.mark.parametrize("goes_to", COLUMNS)
def test_a_draft_or_a_pull_request_tells_nothing(came_from: str | None, goes_to: str) -> None:
    previous = None if came_from is None else stands(came_from, workable=False)
    assert decide(previous, stands(goes_to, workable=False, after=1), now=NOW).kind is None
    assert decide(previous, None, now=NOW).kind is None


def test_a_draft_that_becomes_an_issue_is_met_where_it_stands() -> None:
    draft = stands("Todo", workable=False)
    assert decide(draft, stands("Todo", after=1), now=NOW).kind is Kind.NEW_TODO
    assert decide(draft, stands("Blocked", after=1), now=NOW).kind is Kind.CARD_BLOCKED
    assert decide(stands("QA"), stands("QA", workable=False, after=1), now=NOW).kind is Kind.CARD_REMOVED


def test_a_look_that_is_older_than_what_is_known_changes_nothing() -> None:
    decision = decide(stands("Done", after=2), stands("In Progress", after=1), [ours("In Progress")], now=NOW)
    assert decision.stale
    assert (decision.kind, decision.settled) == (None, frozenset())


def test_within_one_second_the_present_decides() -> None:
    assert decide(stands("Done"), stands("In Progress"), now=NOW).kind is Kind.CARD_MOVED


@pytest.mark.parametrize("column", [column.value for column in Column if column is not Column.TODO])
def test_the_echo_of_our_own_move_tells_nothing_and_is_over(column: str) -> None:
    decision = decide(stands("Todo"), stands(column, after=1), [ours(column)], now=NOW)
    assert (decision.kind, decision.moved, decision.own) == (None, True, True)
    assert decision.settled == {f"id-{column}"}


def test_an_echo_that_the_mirror_knows_already_is_over_too() -> None:
    decision = decide(stands("QA", after=1), stands("QA", after=1), [ours("QA")], now=NOW)
    assert (decision.kind, decision.moved) == (None, False)
    assert decision.settled == {"id-QA"}


def test_a_person_who_moves_elsewhere_is_told_while_our_move_is_on_its_way() -> None:
    decision = decide(stands("Todo"), stands("Done", after=1), [ours("QA")], now=NOW)
    assert (decision.kind, decision.came_from, decision.own) == (Kind.CARD_MOVED, "Todo", False)
    assert decision.settled == frozenset()


def test_a_person_who_moves_on_between_our_move_and_its_echo_is_told_from_where_we_had_brought_the_card() -> None:
    decision = decide(stands("Todo"), stands("Blocked", after=2), [ours("QA", made=True)], now=NOW)
    assert (decision.kind, decision.came_from) == (Kind.CARD_BLOCKED, "QA")
    assert decision.settled == {"id-QA"}


def test_a_person_who_moves_back_between_our_move_and_its_echo_is_told() -> None:
    decision = decide(stands("Todo"), stands("Todo", after=2), [ours("QA", made=True)], now=NOW)
    assert (decision.kind, decision.came_from, decision.moved) == (Kind.CARD_MOVED, "QA", False)


def test_a_move_that_was_told_since_is_not_told_again_when_ours_is_confirmed() -> None:
    decision = decide(stands("Done", after=2), stands("Done", after=2), [ours("QA", made=True)], now=NOW)
    assert decision.kind is None
    assert decision.settled == {"id-QA"}


def test_after_five_minutes_nothing_is_swallowed() -> None:
    decision = decide(stands("Todo"), stands("QA", after=1), [ours("QA", seconds=0)], now=NOW)
    assert decision.kind is Kind.CARD_MOVED
    assert decision.settled == {"id-QA"}


def test_a_card_that_is_gone_ends_every_expectation() -> None:
    decision = decide(stands("Todo"), None, [ours("QA"), ours("Done", made=True)], now=NOW)
    assert decision.kind is Kind.CARD_REMOVED
    assert decision.settled == {"id-QA", "id-Done"}


@pytest.mark.parametrize("column", COLUMNS)
def test_a_board_that_is_met_for_the_first_time_tells_its_todos_alone(column: str) -> None:
    met = decide(None, stands(column), now=NOW, introducing=True)
    assert met.kind == (Kind.NEW_TODO if column == "Todo" else None)


def test_a_card_known_before_the_first_poll_moves_as_any_other() -> None:
    assert decide(stands("Todo"), stands("QA", after=1), now=NOW, introducing=True).kind is Kind.CARD_MOVED


columns = st.sampled_from(COLUMNS)
expectations = st.lists(
    st.builds(
        ours,
        columns.filter(bool),
        came_from=columns,
        made=st.booleans(),
        seconds=st.integers(min_value=-10, max_value=300),
    ),
    max_size=4,
)
standings = st.none() | st.builds(stands, columns, workable=st.booleans(), after=st.integers(min_value=0, max_value=3))


@given(previous=standings, seen=standings, expected=expectations)
def test_a_move_to_a_column_that_we_never_wanted_is_never_swallowed(
    previous: Standing | None, seen: Standing | None, expected: list[Expected]
) -> None:
    decision = decide(previous, seen, expected, now=NOW)
    if decision.stale or previous is None or seen is None or not (previous.workable and seen.workable):
        return
    wanted = {each.target.column for each in expected} | {previous.place.column}
    if seen.place.column not in wanted:
        assert decision.kind is not None
        assert not decision.own


@given(previous=standings, seen=standings, expected=expectations)
def test_what_was_decided_once_is_not_told_again(
    previous: Standing | None, seen: Standing | None, expected: list[Expected]
) -> None:
    first = decide(previous, seen, expected, now=NOW)
    if first.stale:
        return
    left = [each for each in expected if each.target.option_id not in first.settled]
    again = decide(seen, seen, left, now=NOW)
    assert again.kind is None
    assert not again.own


@given(seen=standings, expected=expectations)
def test_nothing_that_is_settled_was_not_expected(seen: Standing | None, expected: list[Expected]) -> None:
    targets = {each.target.option_id for each in expected}
    assert decide(stands("Todo"), seen, expected, now=NOW).settled <= targets


def test_options_are_known_by_their_id_then_by_their_name() -> None:
    ids = option_ids({"option_ids": {"status": {"todo": "1", "In Progress": "2", "Icebox": "3"}}})
    assert ids == {"Todo": "1", "In Progress": "2", "Icebox": "3"}
    assert place("1", "Backlog", ids).column == "Todo"
    assert place("9", "todo", ids).column == "Todo"
    assert place("9", "Later", ids) == Place(option_id="9", column="Later")
    assert place("9", "", ids).column == "9"
    assert place("", "", ids) == Place(option_id="", column=NO_STATUS)
    assert option_ids({}) == option_ids({"option_ids": 3}) == option_ids({"option_ids": {"Priority": {}}}) == {}


def test_onboarding_makes_exactly_these_columns() -> None:
    assert [option.name for option in SELECT_FIELDS["Status"]] == [column.value for column in Column]
