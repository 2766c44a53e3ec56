"""When an answer counts as sure, and what may be told to everybody."""

import pytest

from apps.agents.roster.architect import judging, lessons
from apps.agents.roster.architect.issues import Issue
from apps.agents.roster.architect.words import Reply
from meshsix.kit.names import BadName

SHOWN = {"issue", "log:3", "memory:abc"}


def reply(*based_on: str, confident: bool = True, confidence: float = 0.9, answer: str = "Yes.") -> Reply:
    return Reply(answer=answer, confident=confident, confidence=confidence, based_on=based_on)


def test_who_names_what_was_shown_is_believed() -> None:
    found = judging.judged(reply("log:3", "log:4", "log:3", "issue"), SHOWN)
    assert (found.confident, found.confidence, found.based_on) == (True, 0.9, ("log:3", "issue"))


@pytest.mark.parametrize(
    ("given", "confidence", "based_on"),
    [
        (reply(), 0.5, ()),
        (reply("log:4", "README"), 0.5, ()),
        (reply("log:3", confident=False), 0.5, ("log:3",)),
        (reply(confidence=0.2), 0.2, ()),
        (reply("log:3", answer="  "), 0.5, ("log:3",)),
    ],
)
def test_everything_else_is_a_best_guess(given: Reply, confidence: float, based_on: tuple[str, ...]) -> None:
    found = judging.judged(given, SHOWN)
    assert (found.confident, found.confidence, found.based_on) == (False, confidence, based_on)


def test_what_cannot_be_read_is_a_guess_of_which_nothing_is_known() -> None:
    found = judging.unreadable("Well, {")
    assert (found.text, found.confident, found.confidence, found.based_on) == ("Well, {", False, 0.0, ())


@pytest.mark.parametrize(
    ("text", "nameless"),
    [
        ("Prefer additive migrations, e.g. a new column, over changes in place.", True),
        ("Retry after 0.5 seconds, at most 3 times.", True),
        ("Keep sessions in what runs already.", True),
        ("Octo-Org keeps sessions in what runs already.", False),
        ("The bookmarks service keeps sessions itself.", False),
        ("Bookmarksmanship is a word of its own.", True),
        ("Look at src/app for an example.", False),
        ("Look at C:\\work for an example.", False),
        ("Settings stand in settings.py alone.", False),
        ("Ask db.example.org first.", False),
        ("Ask 10.0.0.1 first.", False),
        ("Ask localhost first.", False),
        ("Ask cache:6379 first.", False),
    ],
)
def test_a_text_with_a_name_is_not_for_everybody(text: str, *, nameless: bool) -> None:
    assert judging.is_nameless(text, {"octo-org", "bookmarks", ""}) is nameless


@pytest.mark.parametrize("text", ["octo-org#7", "octo-org/app", "octo-org/app#0", "octo-org/app#x", "a/b/c#1", "/#1"])
def test_what_is_no_issue_is_refused(text: str) -> None:
    with pytest.raises(BadName):
        Issue.parse(text)


def test_an_issue_is_known_without_case() -> None:
    issue = Issue.parse("Octo-Org/App#7")
    assert (issue.text, issue.actor_id, issue.aggregate_id) == (
        "octo-org/app#7",
        "octo-org/app/7",
        "architect:octo-org/app/7",
    )


def test_a_long_answer_is_kept_in_parts_and_none_of_it_is_lost() -> None:
    answer = "".join(f"{number:05d}" for number in range(800))
    parts = lessons.verbatim("Why?", answer)
    assert all(len(part) <= 2000 and part.startswith("Asked: Why?\nA person answered (") for part in parts)
    assert "".join(part.partition("): ")[2] for part in parts) == answer
    assert lessons.verbatim("", "Yes.") == ["A person answered: Yes."]
