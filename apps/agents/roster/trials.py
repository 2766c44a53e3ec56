"""Smoke tests of single agents; those of the milestones stand in milestones.py."""

from uuid import uuid4

from django.conf import settings

from apps.agents.registry.smoke import Answer, Asker, NotConfigured, Smoke, expect

_MOST_TOKENS = 800


def hands_over_less(asker: Asker) -> None:
    """What project-manager hands to architect-agent stays within its ceiling, with or without a model."""
    facts = {"issue_number": 7, "phase": "PLANNING", "note": "PostgreSQL keeps the sessions. " * 400}
    handover = {"sender": "project-manager", "receiver": "architect-agent", "workflow_state": facts}
    answer = asker.ask("context-compression", {**handover, "task_summary": "Choose a store for sessions"})
    expect("## METADATA" in answer.result["text"], "the text does not say who hands over to whom")
    tokens = answer.result["output_tokens"]
    expect(tokens <= _MOST_TOKENS, f"{tokens} tokens, more than {_MOST_TOKENS}")


def researches(asker: Asker) -> None:
    """Findings rest on sources that were fetched, or the answer says that there are none."""
    ask = {"query": "How often is a failed message retried?", "type": "technical", "depth": "quick"}
    _rests_on_what_was_fetched(asker.ask("technical-research", ask))


def researches_deeply(asker: Asker) -> None:
    """The same of a research in rounds, which the engine carries."""
    ask = {"query": "What limits has Heron, and how does it retry?", "type": "technical", "depth": "quick"}
    _rests_on_what_was_fetched(asker.ask("deep-research", ask))


def _rests_on_what_was_fetched(answer: Answer) -> None:
    known = {source["id"] for source in answer.result["sources"]}
    cited = {cited for finding in answer.result["key_findings"] for cited in finding["source_ids"]}
    expect(cited <= known, f"cited, but never fetched: {', '.join(sorted(cited - known))}")
    expect(
        bool(answer.result["notice"]) or answer.result["grounded"], "neither a source nor a notice that there is none"
    )


def tells_once(asker: Asker) -> None:
    """A message that is asked for twice under one key arrives once."""
    ask = {"channel": asker.target, "message": "A smoke test of Mesh Six.", "dedup_key": f"smoke-{uuid4().hex}"}
    first, again = asker.ask("notify", ask), asker.ask("notify", ask)
    expect(first.result["delivered"], "the message was not delivered")
    expect(first.result["message_id"] == again.result["message_id"], "it was sent a second time")


def looks_at_a_namespace(asker: Asker) -> None:
    """A listed namespace is looked at; an unlisted one is refused."""
    if not settings.KUBE_NAMESPACES:
        raise NotConfigured("KUBE_NAMESPACES allows no namespace")
    namespace, foreign = settings.KUBE_NAMESPACES[0], f"unlisted-{uuid4().hex[:8]}"
    answer = asker.ask("inspect-cluster", {"namespace": namespace})
    expect(answer.result["namespace"] == namespace, f"it looked at {answer.result['namespace']}")
    expect(answer.result["basis"]["sources"], "nothing was read")
    refused = asker.send("inspect-cluster", {"namespace": foreign}).error.get("code")
    expect(refused == "kubectl:namespace-not-allowed", f"an unlisted namespace ended with {refused or 'no error'}")


def syncs_to_the_head(asker: Asker) -> None:
    """The application that is named for it is brought to the head of what it follows, and works."""
    answer = asker.ask("sync-gitops", {"application": asker.target})
    told = (answer.result["sync_status"], answer.result["health_status"])
    expect(told == ("Synced", "Healthy"), f"{asker.target} is {told[0]} and {told[1]}")


HANDS_OVER_LESS = Smoke(title="hands over at most 800 tokens", does=hands_over_less)
LOOKS_AT_A_NAMESPACE = Smoke(title="looks at a namespace, and at no other", does=looks_at_a_namespace)
RESEARCHES = Smoke(title="cites what was fetched alone", does=researches)
RESEARCHES_DEEPLY = Smoke(title="cites what was fetched alone, in rounds", does=researches_deeply)
SYNCS_TO_THE_HEAD = Smoke(title="syncs to the head", does=syncs_to_the_head, writes=True)
TELLS_ONCE = Smoke(title="tells once", does=tells_once, writes=True)
