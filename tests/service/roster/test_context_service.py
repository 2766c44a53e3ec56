"""context-service from the request to the result, with a model and without one."""

import pytest

from apps.agents.memory import compression
from apps.agents.memory.models import CompressionLog
from apps.agents.registry import definitions
from apps.agents.registry.models import Task
from apps.agents.registry.services.submission import Invalid
from meshsix import wiring
from tests.models_sandbox import ModelsSandbox
from tests.service.registry.conftest import Office

HANDOVER = {
    "sender": "project-manager",
    "receiver": "architect-agent",
    "project": "Octo-Org/App",
    "task_summary": "Choose a store for sessions",
    "priority": 5,
    "workflow_state": {"issue_number": 7, "phase": "PLANNING", "created_at": "2026-01-02T03:04:05Z"},
    "memories": ["Sessions live in PostgreSQL."],
    "questions": ["How long does a session live?"],
    "conversation": [{"role": "user", "content": "Where do sessions go?"}],
    "constraints": ["No new service."],
    "known_failures": ["A cookie of 8 KiB was refused."],
}
LONG = {"workflow_state": {"issue_number": 7, "note": "PostgreSQL keeps the sessions. " * 600}}
SHORTER = """## METADATA
sender: project-manager
receiver: architect-agent
project: Octo-Org/App
priority: 5
task: Choose a store for sessions

## DOMAIN_CONTEXT
Issue 7: PostgreSQL keeps the sessions."""


@pytest.fixture(autouse=True)
def registered(office: Office) -> None:
    office.register("context-service")


def compressed(office: Office, **payload: object) -> Task:
    given = {"text": None, "modes": None, **HANDOVER, **payload}
    return office.work(office.submit("context-compression", payload=given))


def test_a_handover_that_fits_is_shortened_by_rules_alone(office: Office, litellm: ModelsSandbox) -> None:
    task = compressed(office)
    assert (task.status, task.dispatched_to, task.error) == ("completed", "context-service", None)
    assert task.result is not None
    result = dict(task.result)
    told = compression.sections(result.pop("text"))
    assert list(told) == [
        "METADATA",
        "DOMAIN_CONTEXT",
        "CONSTRAINTS",
        "KNOWN_FAILURES",
        "RELEVANT_MEMORIES",
        "CONVERSATION_CONTEXT",
        "OPEN_QUESTIONS",
    ]
    assert "created_at" not in told["DOMAIN_CONTEXT"]
    assert result.pop("duration_ms") >= 0
    assert result["output_tokens"] < min(result["input_tokens"], 800)
    assert result.pop("compression_ratio") == round(result.pop("output_tokens") / result.pop("input_tokens"), 4)
    assert result == {
        "method": "deterministic",
        "validation_passed": True,
        "validation_errors": [],
        "truncated": False,
        "basis": {"models": [], "tools": [], "sources": [], "missing": [], "notice": ""},
    }
    assert litellm.asked() == []
    row = CompressionLog.objects.get()
    assert (row.task_id, row.project_id) == (str(task.task_id), "octo-org/app")


def test_a_model_shortens_what_is_over_the_ceiling_and_stands_in_the_basis(
    office: Office, litellm: ModelsSandbox
) -> None:
    litellm.says({"answer": {"content": SHORTER}})
    result = compressed(office, **LONG).result
    assert result is not None
    assert (result["text"], result["method"], result["truncated"]) == (SHORTER, "llm", False)
    assert result["basis"]["models"] == [CompressionLog.objects.get().llm_model] != [""]


def test_without_a_model_the_text_is_cut_and_says_what_was_missing(office: Office) -> None:
    models = wiring.clients().models
    assert models is not None
    models.close()
    wiring.clients().__dict__["models"] = None  # as where LITELLM_URL is empty
    task = compressed(office, **LONG)
    assert (task.status, task.error) == ("completed", None)
    assert task.result is not None
    assert (task.result["method"], task.result["truncated"]) == ("deterministic", True)
    assert task.result["output_tokens"] <= 800
    assert task.result["basis"]["missing"] == ["litellm"]
    assert task.result["validation_errors"] == ["no answer of a model: TryLater"]


def test_it_is_preferred_asks_for_no_vendor_and_has_eight_slots() -> None:
    definition = definitions.deployed("context-service").definition
    (offered,) = definition.capabilities
    assert (definition.type, definition.max_concurrency, definition.checks) == ("RULE", 8, {})
    assert (offered.name, float(offered.weight), offered.preferred) == ("context-compression", 1.0, True)


@pytest.mark.parametrize("payload", [{"sender": ""}, {"task_summary": ""}, {"priority": 11}, {"colour": "red"}])
def test_what_is_no_handover_is_refused(office: Office, payload: dict[str, object]) -> None:
    with pytest.raises(Invalid):
        compressed(office, **payload)
