"""Compressing hand-overs, with and without a model, and the log of it."""

import copy
from dataclasses import replace

import pytest

from apps.agents.llm.services import Llm
from apps.agents.memory import compression, handover
from apps.agents.memory.compression import Handover
from apps.agents.memory.models import CompressionLog, Method
from meshsix.kit import tokens
from tests.models_sandbox import ModelsSandbox

pytestmark = pytest.mark.django_db(transaction=True)

SHORT = Handover(
    sender="project-manager",
    receiver="architect-agent",
    project="Octo-Org/App",
    task_summary="Choose a store",
    workflow_state={"issue_number": 7, "created_at": "2026-01-02T03:04:05Z"},
)
LONG = Handover(
    sender="project-manager",
    receiver="architect-agent",
    task_summary="Choose a store",
    workflow_state={"issue_number": 7, "note": "PostgreSQL keeps the sessions. " * 150},
)
GOOD = """## METADATA
sender: project-manager
receiver: architect-agent
project: -
task: Choose a store

## DOMAIN_CONTEXT
Issue 7: PostgreSQL keeps the sessions."""


PLAIN = Handover(sender="a", receiver="b", task_summary="x", workflow_state={"n": 1}, memories=["m"])
CEILINGS = [
    ("project-manager", "architect-agent", 800),
    ("project-manager", "researcher-agent", 600),
    ("api-coder", "qa-tester", 1000),
]


def log() -> CompressionLog:
    return CompressionLog.objects.latest("created_at")


def of_length(sender: str, receiver: str, *, wanted: int) -> Handover:
    """Return a hand-over of which the rules leave exactly so many tokens."""
    bare = Handover(sender=sender, receiver=receiver, task_summary="Choose", workflow_state={"note": ""})
    lacking = wanted * tokens.CHARACTERS - len(compression.ruled(bare, compression.rule_for(sender, receiver)).text)
    return replace(bare, workflow_state={"note": "x" * lacking})


@pytest.mark.parametrize(("sender", "receiver", "ceiling"), CEILINGS)
def test_what_has_as_many_tokens_as_the_ceiling_fits_and_one_more_does_not(
    llm: Llm, litellm: ModelsSandbox, sender: str, receiver: str, ceiling: int
) -> None:
    made = handover.compress(of_length(sender, receiver, wanted=ceiling), llm)
    assert (made.output_tokens, made.truncated, litellm.asked()) == (ceiling, False, [])
    litellm.fault("status", match={"path": "/chat/completions"}, times=None)
    over = handover.compress(of_length(sender, receiver, wanted=ceiling + 1), llm)
    assert (over.output_tokens, over.truncated, len(litellm.asked())) == (ceiling, True, 1)
    assert list(compression.sections(over.text)) == ["METADATA", "DOMAIN_CONTEXT"]


WAYS = {
    "nothing goes": (PLAIN, None, ("passthrough", False, "", "")),
    "the rules are enough": (SHORT, None, ("deterministic", False, "", "")),
    "a model shortens": (LONG, GOOD, ("llm", False, "claude-haiku", "1")),
    "a model invents": (LONG, GOOD + " Kafka helps.", ("deterministic", True, "claude-haiku", "1")),
    "no model answers": (LONG, None, ("deterministic", True, "", "")),
}


@pytest.mark.parametrize("way", WAYS)
def test_each_way_leaves_the_input_unchanged_and_one_row_in_the_log(llm: Llm, litellm: ModelsSandbox, way: str) -> None:
    ask, said, logged = WAYS[way]
    before = copy.deepcopy(ask)
    if said is None:
        litellm.fault("status", match={"path": "/chat/completions"}, times=None)
    else:
        litellm.says({"answer": {"content": said}})
    made = handover.compress(ask, llm)
    assert ask == before
    row = CompressionLog.objects.get(task_id=llm.work.task_id)
    assert (row.method, row.truncated, row.llm_model, row.llm_prompt_version) == logged
    assert (row.sender, row.receiver, row.project_id) == (ask.sender, ask.receiver, ask.project.lower())
    assert (row.input_tokens, row.output_tokens) == (made.input_tokens, made.output_tokens)
    assert (row.compression_ratio, row.duration_ms) == (made.compression_ratio, made.duration_ms)
    assert (row.validation_passed, tuple(row.validation_errors)) == (made.validation_passed, made.validation_errors)


def test_each_method_there_is_has_been_logged() -> None:
    assert {logged[0] for _, _, logged in WAYS.values()} == set(Method.values)


def test_what_fits_needs_no_model(llm: Llm, litellm: ModelsSandbox) -> None:
    before = copy.deepcopy(SHORT)
    made = handover.compress(SHORT, llm)
    assert (made.method, made.validation_passed, made.truncated) == ("deterministic", True, False)
    assert "created_at" not in made.text
    assert made.compression_ratio == round(made.output_tokens / made.input_tokens, 4)
    assert litellm.asked() == []
    assert before == SHORT
    row = log()
    assert (row.sender, row.receiver, row.project_id, row.method) == (
        "project-manager",
        "architect-agent",
        "octo-org/app",
        "deterministic",
    )
    assert (row.input, row.output, row.task_id) == (None, "", llm.work.task_id)


def test_a_handover_of_which_nothing_goes_passes_through(llm: Llm) -> None:
    assert handover.compress(PLAIN, llm).method == "passthrough"


def test_a_model_shortens_what_is_over_the_ceiling(llm: Llm, litellm: ModelsSandbox) -> None:
    litellm.says({"answer": {"content": GOOD}})
    made = handover.compress(LONG, llm, keep_texts=True)
    assert (made.text, made.method, made.validation_passed, made.truncated) == (GOOD, "llm", True, False)
    asked = litellm.asked()[0]
    assert (asked["temperature"], asked["max_tokens"]) == (0.1, 500)
    row = log()
    assert (row.llm_model, row.llm_prompt_version, row.output) == ("claude-haiku", "1", GOOD)
    assert row.input is not None
    assert row.input["task_summary"] == "Choose a store"


BAD = {
    "an invented term": (GOOD + " Kafka helps.", "Kafka is not in the source"),
    "a missing section": (GOOD.partition("\n\n## DOMAIN")[0], "DOMAIN_CONTEXT is missing"),
    "changed metadata": (GOOD.replace("receiver: architect-agent", "receiver: nobody"), "METADATA lacks receiver"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_shortening_that_is_not_valid_is_replaced_by_the_cut_text(
    llm: Llm, litellm: ModelsSandbox, case: str
) -> None:
    said, problem = BAD[case]
    litellm.says({"answer": {"content": said}})
    made = handover.compress(LONG, llm)
    assert (made.method, made.truncated, made.validation_passed) == ("deterministic", True, False)
    assert problem in made.validation_errors
    assert made.output_tokens <= 800
    assert compression.sections(made.text)["METADATA"].startswith("sender: project-manager")
    assert problem in log().validation_errors


@pytest.mark.parametrize("fault", [{"kind": "status", "status": 503}, {"kind": "drop-before-effect"}])
def test_it_never_fails_for_want_of_a_model(llm: Llm, litellm: ModelsSandbox, fault: dict[str, object]) -> None:
    litellm.fault(match={"path": "/chat/completions"}, times=None, **fault)
    made = handover.compress(LONG, llm)
    assert (made.truncated, made.output_tokens <= 800) == (True, True)
    assert log().truncated


def test_a_cut_answer_of_the_model_is_not_half_used(llm: Llm, litellm: ModelsSandbox) -> None:
    litellm.says({"answer": {"content": GOOD, "finish_reason": "length"}})
    assert handover.compress(LONG, llm).truncated
