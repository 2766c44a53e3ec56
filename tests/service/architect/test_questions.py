"""Questions about an issue: what counts as sure, who else is asked, and what a person's answer is good for."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import Settings

from apps.agents.llm import prompts
from apps.agents.memory.models import Memory
from apps.agents.memory.scopes import Scope
from apps.agents.registry.models import Task
from apps.agents.registry.services.submission import KeyReused
from apps.agents.roster.architect import services
from apps.agents.roster.architect.issues import Issue
from apps.agents.roster.architect.models import Entry
from apps.projects.models import Project
from meshsix import wiring
from meshsix.kit import tokens
from tests.service.architect.conftest import ISSUE, PROJECT, Studio, onboard
from tests.service.registry.conftest import ANNA

OTHER = Issue.parse(f"{PROJECT}#8")
ANSWER = "Name the column saved_at, in UTC.\nOctavia decided so in May."
LESSON = "Name columns of times after what happened, in UTC."


def says(studio: Studio, *based_on: str, confident: bool = True, confidence: float = 0.9, answer: str = "Yes.") -> None:
    reply = {"answer": answer, "confident": confident, "confidence": confidence, "based_on": list(based_on)}
    studio.litellm.says({"when": {"schema": "Reply"}, "answer": {"json": reply}})


def asked(studio: Studio, question: str, *, question_id: str = "q1", issue: Issue = ISSUE) -> dict[str, Any]:
    """Ask through the service, and let the agent work."""
    task = services.answer_question(issue, question_id, question, source="implementer", actor=ANNA)
    return studio.result(studio.office.work(task))


def begun(issue: Issue = ISSUE) -> None:
    services.initialize(issue, title="Show when a bookmark was saved", text="Beside its title.", item="I_1", actor=ANNA)


def answered(answer: str = ANSWER, *, question_id: str = "q1") -> Task:
    """Let a person answer; return the task that makes a lesson of it."""
    clients = wiring.clients()
    services.receive_human_answer(ISSUE, question_id, answer, by="octavia", actor=ANNA, clients=clients)
    return Task.objects.filter(capability="generalize-answer").latest("created_at")


def seen_last(studio: Studio) -> str:
    return "\n".join(str(each["content"]) for each in studio.litellm.asked()[-1]["messages"])


def known_last(studio: Studio) -> str:
    """Return what the model was last told besides its prompt."""
    return seen_last(studio).removeprefix(prompts.load("architect-agent/answer").render())


def contents(scope: Scope) -> list[tuple[str, str]]:
    return list(Memory.objects.filter(scope=scope).order_by("created_at").values_list("scope_key", "content"))


def test_an_answer_that_rests_on_what_was_shown_is_confident(studio: Studio) -> None:
    begun()
    says(studio, "issue", "log:999")
    result = asked(studio, "Where does it stand?")
    assert (result["confident"], result["confidence"], result["based_on"]) == (True, 0.9, ["issue"])
    assert (result["answer"], result["best_guess"]) == ("Yes.", None)
    assert "[issue]" in seen_last(studio)
    assert "Beside its title." in seen_last(studio)
    assert studio.log() == ["activated", "question-received", "question-answered"]
    assert Entry.objects.get(event_type="question-received").payload["source"] == "implementer"


@pytest.mark.parametrize("based_on", [[], ["log:999", "memory:nothing", "file:README.md"]])
def test_an_answer_that_rests_on_nothing_shown_is_a_best_guess(studio: Studio, based_on: list[str]) -> None:
    begun()
    says(studio, *based_on)
    result = asked(studio, "Which colour?")
    assert (result["confident"], result["confidence"], result["based_on"]) == (False, 0.5, [])
    assert (result["answer"], result["best_guess"]) == (None, "Yes.")
    assert studio.log() == ["activated", "question-received", "human-escalated"]


def test_what_the_prompt_names_as_an_example_was_not_shown(studio: Studio, settings: Settings) -> None:
    begun()
    question = "Where does it stand?"
    prompt = prompts.load("architect-agent/answer").render()
    assert "[issue]" in prompt
    settings.CONTEXT_TOKENS = tokens.count(prompt) + tokens.count(question) + 2
    says(studio, "issue")
    result = asked(studio, question)
    assert known_last(studio).strip() == question
    assert (result["confident"], result["confidence"], result["based_on"]) == (False, 0.5, [])


def test_what_the_issues_own_text_names_was_not_shown_by_that(studio: Studio, settings: Settings) -> None:
    source, question = by_a_person(studio), "How is the column called?"
    text = f"It is said in [{source}] and [memory:{Memory.objects.get().pk}]. {'More of it. ' * 100}"
    services.initialize(ISSUE, title="Show when", text=text, item="I_1", actor=ANNA)
    alone = tokens.count(prompts.load("architect-agent/answer").render()) + tokens.count(question)
    settings.CONTEXT_TOKENS = alone + 100
    says(studio, source, f"memory:{Memory.objects.get().pk}")
    result = asked(studio, question)
    assert (f"[{source}]" in known_last(studio), "human-answered" in known_last(studio)) == (True, False)
    assert (result["confident"], result["confidence"], result["based_on"]) == (False, 0.5, [])
    says(studio, source, "issue")
    assert asked(studio, question, question_id="q2")["based_on"] == ["issue"]


def test_an_entry_of_which_a_piece_was_shown_bears_no_answer(studio: Studio, settings: Settings) -> None:
    source, question = by_a_person(studio), "How is the column called?"
    alone = tokens.count(prompts.load("architect-agent/answer").render()) + tokens.count(question)
    settings.CONTEXT_TOKENS = alone + 25
    says(studio, source)
    result = asked(studio, question)
    assert (f"[{source}]" in known_last(studio), "Octavia" in known_last(studio)) == (True, False)
    assert (result["confident"], result["confidence"], result["based_on"]) == (False, 0.5, [])


def by_a_person(studio: Studio) -> str:  # noqa: ARG001 - as the others are called
    answered(question_id="q0")
    return f"log:{Entry.objects.get(event_type='human-answered').pk}"


def by_a_memory(studio: Studio) -> str:
    by_a_person(studio)
    return f"memory:{Memory.objects.get(scope=Scope.TASK, scope_key=ISSUE.text).pk}"


def by_a_consultation(studio: Studio) -> str:
    studio.result(studio.ask("tech-consultation", question="How are columns called?", issue=ISSUE.text))
    return f"log:{Entry.objects.get(event_type='consulted').pk}"


def by_an_earlier_answer(studio: Studio) -> str:
    begun()
    says(studio, "issue")
    asked(studio, "How are columns called?", question_id="q0")
    return f"log:{Entry.objects.get(event_type='question-answered').pk}"


@pytest.mark.parametrize("told", [by_a_person, by_a_memory, by_a_consultation, by_an_earlier_answer])
def test_what_the_issue_was_told_bears_an_answer_about_it_and_about_no_other(
    studio: Studio, told: Callable[[Studio], str]
) -> None:
    source = told(studio)
    says(studio, source)
    result = asked(studio, "How is the column called?")
    assert (result["confident"], result["confidence"], result["based_on"]) == (True, 0.9, [source])
    assert f"[{source}]" in known_last(studio)
    elsewhere = asked(studio, "How is the column called?", issue=OTHER)
    assert (elsewhere["confident"], elsewhere["confidence"], elsewhere["based_on"]) == (False, 0.5, [])
    assert f"[{source}]" not in known_last(studio)


@pytest.mark.parametrize("shares", [True, False])
def test_a_lesson_serves_another_project_where_the_first_one_shares_it_and_a_persons_words_never(
    studio: Studio,
    shares: bool,  # noqa: FBT001 - a parameter
) -> None:
    project = Project.objects.get()
    Project.objects.update(settings={**project.settings, "share_memories": shares})
    onboard(studio.litellm, "octo-org/reader")
    lesson = f"Bookmarks says: {LESSON}"
    studio.litellm.says({"when": {"schema": "General"}, "answer": {"json": {"lesson": lesson}}})
    studio.result(studio.office.work(answered()))
    assert contents(Scope.GLOBAL) == []
    assert contents(Scope.AGENT) == ([("architect-agent", lesson)] if shares else [])
    says(studio, *(f"memory:{each.pk}" for each in Memory.objects.all()))
    result = asked(studio, "How is the column called?", issue=Issue.parse("octo-org/reader#7"))
    lessons = [f"memory:{each.pk}" for each in Memory.objects.filter(scope=Scope.AGENT)]
    assert (result["confident"], result["based_on"]) == (shares, lessons)
    assert (result["confidence"] == 0.9) == shares
    assert (lesson in seen_last(studio), "Octavia" in seen_last(studio)) == (shares, False)


def test_a_guess_and_a_models_own_words_make_no_later_answer_sure(studio: Studio) -> None:
    begun()
    says(studio, "nothing")
    asked(studio, "Which colour?")
    guess = Entry.objects.get(event_type="human-escalated")
    studio.ask("tech-consultation", question="Which colour has the button?")
    own = Memory.objects.get(kind="exchange")
    Memory.objects.update(scope="task", scope_key=ISSUE.text)
    says(studio, f"log:{guess.pk}", f"memory:{own.pk}")
    result = asked(studio, "Which colour has the button now?", question_id="q2")
    assert (result["confident"], result["confidence"], result["based_on"]) == (False, 0.5, [])
    assert f"[memory:{own.pk}]" in seen_last(studio)
    assert f"[log:{guess.pk}]" in seen_last(studio)


def test_an_answer_that_cannot_be_read_is_a_best_guess_with_its_raw_text(studio: Studio) -> None:
    studio.litellm.says({"when": {"schema": "Reply"}, "answer": {"content": "Blue, I would say."}})
    result = asked(studio, "Which colour?")
    assert (result["confident"], result["confidence"], result["best_guess"]) == (False, 0, "Blue, I would say.")
    assert result["basis"]["models"] == ["claude-haiku"]
    assert len(studio.litellm.asked()) == 2
    assert studio.log() == ["question-received", "human-escalated"]


def test_a_file_that_a_tool_has_shown_may_be_cited(studio: Studio) -> None:
    studio.wants_tools({"name": "read_repository", "arguments": {"path": "README.md"}})
    first = studio.ask("answer-question", issue=ISSUE.text, question_id="q1", question="What is it?")
    (source,) = studio.result(first)["basis"]["sources"]
    says(studio, source["id"])
    studio.litellm.says(
        {
            "when": {"speaker": "user", "tool": "read_repository"},
            "answer": {"tool_calls": [{"name": "read_repository", "arguments": {"path": "README.md"}}]},
        }
    )
    result = asked(studio, "What is it?", question_id="q2")
    assert (result["confident"], result["based_on"]) == (True, [source["id"]])


def test_a_decision_of_which_a_tool_has_shown_a_piece_bears_no_answer(studio: Studio) -> None:
    for number in range(2):
        answered("Name it after what happened. " * 30, question_id=f"before-{number}")
    logged = [f"log:{each.pk}" for each in Entry.objects.filter(event_type="human-answered")]
    says(studio, *logged)
    wish = {"name": "past_decisions", "arguments": {"query": "columns"}}
    studio.litellm.says(
        {"when": {"speaker": "user", "tool": "past_decisions"}, "times": 1, "answer": {"tool_calls": [wish] * 10}}
    )
    result = asked(studio, "How is the column called?", issue=OTHER)
    told = studio.told_by_tools().partition("[cut]")[0]
    first, second = sorted(logged, key=lambda each: told.index(f"[{each}]"))
    assert (told.index(f"[{first}]") < told.index(f"[{second}]"), result["based_on"]) == (True, [first])


def test_a_question_is_asked_once_and_its_id_means_no_other(studio: Studio) -> None:
    says(studio)
    assert asked(studio, "Which colour?") == asked(studio, "Which colour?")
    assert Task.objects.count() == 1
    with pytest.raises(KeyReused):
        services.answer_question(ISSUE, "q1", "Which shape?", source="implementer", actor=ANNA)
    again = studio.ask("answer-question", issue=ISSUE.text, question_id="q1", question="Which colour?")
    assert studio.result(again)["best_guess"] == "Yes."
    assert len(studio.litellm.asked()) == 1
    assert studio.log() == ["question-received", "human-escalated"]


def test_a_persons_words_serve_their_issue_and_the_general_form_later_ones(studio: Studio) -> None:
    says(studio)
    studio.litellm.says({"when": {"schema": "General"}, "answer": {"json": {"lesson": LESSON}}})
    asked(studio, "How is the column called?")
    task = answered()
    assert [ANSWER in content for _, content in contents(Scope.TASK)] == [True]
    assert contents(Scope.TASK)[0][0] == ISSUE.text
    result = studio.result(studio.office.work(task))
    assert result["scopes"] == ["task", "project", "agent", "global"]
    assert contents(Scope.PROJECT) == [(PROJECT, LESSON)]
    assert contents(Scope.AGENT) == [("architect-agent", LESSON)]
    assert contents(Scope.GLOBAL) == [("all", LESSON)]
    assert len(contents(Scope.TASK)) == 1
    assert studio.log()[2:] == ["human-answered", "memory-stored"]
    assert Entry.objects.get(event_type="human-answered").payload["answer"] == ANSWER

    asked(studio, "How is the column called, once more?", question_id="q2")
    assert "Octavia decided so in May." in seen_last(studio)
    asked(studio, "How is the column called?", question_id="q1", issue=OTHER)
    assert LESSON in seen_last(studio)
    assert "Octavia" not in seen_last(studio)


def in_order(memories: list[str]) -> str:
    """Return what the parts `(n of m)` say together; there is each part once, and one m."""
    found = [re.search(r"A person answered \((\d+) of (\d+)\): (.*)", each, re.DOTALL) for each in memories]
    parts = sorted((int(each[1]), int(each[2]), each[3]) for each in found if each)
    assert [part[:2] for part in parts] == [(number, len(memories)) for number in range(1, len(memories) + 1)]
    return "".join(part[2] for part in parts)


@pytest.mark.parametrize(
    "answer", ["".join(map(chr, range(0x4E00, 0x4E00 + 13_000))), ("x" * 1490 + " " * 20) * 8 + "the end"]
)
def test_a_long_answer_is_kept_once_and_word_for_word(studio: Studio, answer: str) -> None:
    studio.litellm.says({"when": {"schema": "General"}, "answer": {"json": {"lesson": ""}}})
    task = answered(answer)
    assert in_order([content for _, content in contents(Scope.TASK)]) == answer
    studio.result(studio.office.work(task))
    assert in_order([content for _, content in contents(Scope.TASK)]) == answer
    assert set(Memory.objects.values_list("kind", flat=True)) == {"answer"}


@pytest.mark.parametrize("lesson", ["Bookmarks names columns in UTC.", "Look at store/columns first.", ""])
def test_a_lesson_with_a_name_is_not_for_everybody(studio: Studio, lesson: str) -> None:
    studio.litellm.says({"when": {"schema": "General"}, "answer": {"json": {"lesson": lesson}}})
    result = studio.result(studio.office.work(answered()))
    assert result["scopes"] == (["task", "project", "agent"] if lesson else ["task"])
    assert contents(Scope.GLOBAL) == []


def test_failing_to_generalise_loses_nothing(studio: Studio) -> None:
    studio.litellm.fault("status", match={"path": "/chat/completions"}, times=None)
    task = studio.office.work(answered())
    assert task.status == "pending"
    assert studio.log() == ["human-answered"]
    assert [ANSWER in content for _, content in contents(Scope.TASK)] == [True]


def test_the_first_answer_of_a_person_stays(studio: Studio) -> None:
    studio.litellm.says({"when": {"schema": "General"}, "answer": {"json": {"lesson": LESSON}}})
    first, second = answered(), answered("Something else.")
    assert first.task_id == second.task_id
    assert Entry.objects.get(event_type="human-answered").payload["answer"] == ANSWER
    assert len(contents(Scope.TASK)) == 1
    with pytest.raises(services.NotAnAnswer):
        services.receive_human_answer(ISSUE, "q2", " ", by="x", actor=ANNA, clients=wiring.clients())


def test_a_secret_in_an_answer_is_kept_nowhere(studio: Studio) -> None:
    secret = "ghp_" + "a" * 36
    studio.office.work(answered(f"Use {secret} there."))
    assert "[redacted]" in Entry.objects.get(event_type="human-answered").payload["answer"]
    kept = [str(each.payload) for each in Entry.objects.all()] + [content for _, content in contents(Scope.TASK)]
    kept += [str(task.payload) for task in Task.objects.all()]
    assert not any(secret in each for each in kept)


def test_consult_and_review_are_tasks_of_the_issue_that_a_key_makes_once(studio: Studio) -> None:
    first = services.consult(ISSUE, "Redis or PostgreSQL?", key="plan-1", actor=ANNA)
    assert services.consult(ISSUE, "Redis or PostgreSQL?", key="plan-1", actor=ANNA).task_id == first.task_id
    other = services.review(ISSUE, "Add a cache.", criteria=["It is small."], key="plan-1-review", actor=ANNA)
    for task, capability in ((first, "tech-consultation"), (other, "architecture-review")):
        assert (task.capability, task.project, task.dispatched_to) == (capability, PROJECT, "architect-agent")
        studio.result(studio.office.work(task))
    assert studio.log() == ["activated", "consulted", "consulted"]
