"""Filters decide as their rules say, in their order, and never raise."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.projects.canonical import CanonicalEvent, JsonValue, Kind, Source
from apps.webhooks.filters import FILTERED, Rules, Subject, rejection, rules_of, verdict
from meshsix.kit.names import RepositoryName

words = st.lists(st.text("abAB*[]", min_size=1, max_size=4), max_size=4).map(tuple)
rules = st.builds(
    Rules,
    allowed_authors=words,
    required_labels=words,
    exclude_labels=words,
    branch_patterns=words,
    exclude_drafts=st.booleans(),
)
subjects = st.builds(
    Subject, author=st.text("abAB", max_size=3), labels=words, branch=st.none() | st.text("ab*["), draft=st.booleans()
)


@pytest.mark.parametrize(
    ("these", "subject", "why"),
    [
        (Rules(), Subject(), ""),
        (Rules(exclude_labels=("wontfix",)), Subject(labels=("WontFix",)), "excluded label: wontfix"),
        (Rules(exclude_labels=("wontfix",)), Subject(labels=("bug",)), ""),
        (Rules(allowed_authors=("octocat",)), Subject(author="Octocat"), ""),
        (
            Rules(allowed_authors=("octocat",)),
            Subject(author="hubot"),
            "author hubot is not among those allowed",
        ),
        (Rules(allowed_authors=("octocat",)), Subject(), "author unknown is not among those allowed"),
        (Rules(required_labels=("agent", "ai")), Subject(labels=("AI",)), ""),
        (Rules(required_labels=("agent", "ai")), Subject(), "none of the required labels: agent, ai"),
        (Rules(allowed_authors=("a",), required_labels=("agent",)), Subject(author="a"), ""),
        (Rules(allowed_authors=("a",), required_labels=("agent",)), Subject(author="b", labels=("agent",)), ""),
        (
            Rules(allowed_authors=("a",), required_labels=("agent",)),
            Subject(author="b"),
            "none of the required labels: agent",
        ),
        (
            Rules(allowed_authors=("a",), exclude_labels=("no",)),
            Subject(author="a", labels=("no",)),
            "excluded label: no",
        ),
        (Rules(branch_patterns=("issue-*",)), Subject(branch="issue-7"), ""),
        (Rules(branch_patterns=("issue-*",)), Subject(branch=None), ""),
        (
            Rules(branch_patterns=("issue-*", "mesh/*")),
            Subject(branch="Issue-7"),
            "branch Issue-7 matches none of: issue-*, mesh/*",
        ),
        (Rules(exclude_drafts=True), Subject(draft=True), "a draft, and drafts are excluded"),
        (Rules(exclude_drafts=True), Subject(), ""),
    ],
)
def test_the_rules_in_their_order(these: Rules, subject: Subject, why: str) -> None:
    assert verdict(these, subject) == why


@given(subject=subjects)
def test_without_rules_everything_is_accepted(subject: Subject) -> None:
    assert verdict(Rules(), subject) == ""


@given(these=rules, subject=subjects)
def test_an_excluded_label_rejects_whatever_else_is_said(these: Rules, subject: Subject) -> None:
    if {label.casefold() for label in subject.labels} & {label.casefold() for label in these.exclude_labels}:
        assert verdict(these, subject) != ""


@given(these=rules, subject=subjects)
def test_case_of_logins_and_labels_decides_nothing(these: Rules, subject: Subject) -> None:
    shouted = Subject(
        author=subject.author.upper(),
        labels=tuple(label.upper() for label in subject.labels),
        branch=subject.branch,
        draft=subject.draft,
    )
    assert bool(verdict(these, subject)) == bool(verdict(these, shouted))


@given(own=st.recursive(st.none() | st.booleans() | st.text() | st.integers(), st.lists))
def test_settings_of_another_shape_leave_the_defaults(own: object) -> None:
    defaults = Rules(required_labels=("agent",), exclude_drafts=True)
    assert rules_of(own, defaults) == defaults
    assert rules_of({"required_labels": "agent", "exclude_drafts": "no", "else": own}, defaults) == defaults
    assert rules_of({"required_labels": []}, defaults) == Rules(exclude_drafts=True)


def event(kind: Kind, **facts: JsonValue) -> CanonicalEvent:
    return CanonicalEvent(
        kind=kind,
        repository=RepositoryName(owner="octo-org", name="bookmarks"),
        project_id=UUID(int=7),
        occurred_at=datetime(2026, 1, 31, tzinfo=UTC),
        source=Source.POLL,
        cause="poll:1",
        key="k",
        facts=facts,
    )


@pytest.mark.parametrize("kind", Kind)
def test_only_what_begins_work_is_judged_by_author_and_labels(kind: Kind) -> None:
    strict = Rules(allowed_authors=("nobody",), required_labels=("agent",))
    assert bool(rejection(strict, event(kind, author="octocat", labels=["bug"]))) == (kind is Kind.NEW_TODO)


@pytest.mark.parametrize("kind", Kind)
def test_only_what_has_a_branch_is_judged_by_it(kind: Kind) -> None:
    found = rejection(Rules(branch_patterns=("issue-*",)), event(kind, branch="topic", draft=False))
    assert bool(found) == (kind in FILTERED and kind is not Kind.NEW_TODO)


def test_a_merge_is_told_though_drafts_are_excluded() -> None:
    strict = Rules(exclude_drafts=True)
    assert rejection(strict, event(Kind.PR_OPENED, branch="topic", draft=True))
    assert not rejection(strict, event(Kind.PR_MERGED, branch="topic", draft=True))


@given(labels=st.none() | st.text() | st.integers() | st.lists(st.none() | st.integers() | st.text()))
def test_facts_of_any_shape_are_judged_without_an_error(labels: JsonValue) -> None:
    assert isinstance(rejection(Rules(required_labels=("agent",)), event(Kind.NEW_TODO, labels=labels)), str)
