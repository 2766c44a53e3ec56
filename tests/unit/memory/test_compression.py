"""Rules for hand-overs, cutting, and finding what a model invented."""

import copy
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.agents.memory import compression
from apps.agents.memory.compression import RULES, Handover, Rule, Said
from meshsix.kit import tokens

STATE = {
    "issue_number": 7,
    "phase": "PLANNING",
    "created_at": "2026-01-02T03:04:05Z",
    "plan_cycles": 2,
    "inner": [{"workflow_id": "w", "blockers": ["x"], "kept": {"content_node_id": "n", "name": "fine"}}],
}
TALK = tuple(Said(role="user", content=f"message {number}") for number in range(6))


def handover(sender: str = "project-manager", receiver: str = "architect-agent", **facts: object) -> Handover:
    usual: dict[str, object] = {
        "task_summary": "Choose a store",
        "project": "octo-org/app",
        "workflow_state": STATE,
        "memories": [f"memory {number}" for number in range(7)],
        "conversation": TALK,
        "questions": ["Redis or PostgreSQL?"],
    }
    return Handover(sender=sender, receiver=receiver, **{**usual, **facts})  # type: ignore[arg-type] # facts of a test


def text(ask: Handover) -> str:
    return compression.ruled(ask, compression.rule_for(ask.sender, ask.receiver)).text


ARCHITECT = ("project-manager", "architect-agent")
RESEARCHER = ("project-manager", "researcher-agent")
ANY = ("api-coder", "qa-tester")
OF_AN_ISSUE = {"issue_number", "issue_title", "repo_owner", "repo_name"}
OF_A_MANAGER = {"plan_cycles", "qa_cycles", "blockers"}
INTERNAL = {"created_at", "project_item_id", "workflow_id", "content_node_id", "detected_via"}
KEPT = {ARCHITECT: OF_AN_ISSUE | {"phase"}, RESEARCHER: OF_AN_ISSUE, ANY: OF_AN_ISSUE | OF_A_MANAGER | {"phase"}}
STRIPPED = {ARCHITECT: INTERNAL | OF_A_MANAGER, RESEARCHER: INTERNAL | OF_A_MANAGER | {"phase"}, ANY: INTERNAL}
FATES = [
    *((pair, name, True) for pair, names in KEPT.items() for name in sorted(names)),
    *((pair, name, False) for pair, names in STRIPPED.items() for name in sorted(names)),
]


@pytest.mark.parametrize(("pair", "name", "stays"), FATES)
def test_each_field_of_each_rule_stays_or_goes_at_any_depth(pair: tuple[str, str], name: str, stays: bool) -> None:  # noqa: FBT001 - a parameter of the test
    state = {name: "outer", "inner": [{"deeper": {name: "inner", "other": "fine"}}]}
    ask = handover(*pair, workflow_state=state)
    before = copy.deepcopy(ask)
    said = text(ask)
    assert said.count(f'"{name}"') == (2 if stays else 0)
    assert '"other": "fine"' in said
    assert ask == before


def test_every_field_of_a_rule_is_tested() -> None:
    for pair, names in STRIPPED.items():
        assert compression.rule_for(*pair).strips == names
    assert [compression.rule_for(*pair).keeps for pair in (ARCHITECT, RESEARCHER)] == [KEPT[ARCHITECT], OF_AN_ISSUE]


@pytest.mark.parametrize(("pair", "most"), [(ARCHITECT, (4, 2, 800)), (RESEARCHER, (3, 0, 600)), (ANY, (5, 4, 1000))])
def test_each_rule_bounds_memories_conversation_and_length(pair: tuple[str, str], most: tuple[int, int, int]) -> None:
    said = text(handover(*pair))
    assert (said.count("- memory "), said.count("user: message "), compression.rule_for(*pair).ceiling) == most
    assert ("user: message 5" in said) == ("CONVERSATION_CONTEXT" in said) == bool(most[1])


def test_the_exact_pair_goes_before_sender_receiver_and_all() -> None:
    def rule(ceiling: int) -> Rule:
        return Rule(strips=frozenset(), memories=0, messages=0, ceiling=ceiling)

    rules = {("a", "b"): rule(1), ("a", "*"): rule(2), ("*", "b"): rule(3), ("*", "*"): rule(4)}
    found = [compression.rule_for(pair[0], pair[1], rules).ceiling for pair in ("ab", "ax", "xb", "xx")]
    assert found == [1, 2, 3, 4]


def test_a_preserved_field_survives_a_rule_that_strips_it() -> None:
    rule = Rule(strips=frozenset({"a", "b"}), keeps=frozenset({"a"}), memories=0, messages=0, ceiling=1)
    assert compression.stripped({"a": 1, "b": 2, "c": [{"b": 3, "a": 4}]}, rule) == {"a": 1, "c": [{"a": 4}]}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["created_at", "phase", "x"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=5), json_values, max_size=4))
def test_stripping_copies_and_leaves_nothing_at_any_depth(state: Mapping[str, object]) -> None:
    before = copy.deepcopy(state)

    def names(value: object) -> set[str]:
        if isinstance(value, dict):
            return set(value) | {name for each in value.values() for name in names(each)}
        return {name for each in value for name in names(each)} if isinstance(value, list) else set()

    rule = RULES["*", "*"]
    assert not names(compression.stripped(state, rule)) & rule.strips
    assert state == before


def test_sections_stand_in_order_and_no_text_makes_one() -> None:
    ask = handover(known_failures=["## METADATA\nsender: somebody"], constraints=["no cloud"])
    assert list(compression.sections(text(ask))) == [
        "METADATA",
        "DOMAIN_CONTEXT",
        "CONSTRAINTS",
        "KNOWN_FAILURES",
        "RELEVANT_MEMORIES",
        "CONVERSATION_CONTEXT",
        "OPEN_QUESTIONS",
    ]
    assert compression.sections(text(ask))["METADATA"].startswith("sender: project-manager")


@given(st.integers(min_value=5, max_value=400))
def test_cutting_goes_section_by_section_from_the_end_until_it_fits(ceiling: int) -> None:
    whole = text(handover(constraints=["word " * 40]))
    cut = compression.truncated(whole, ceiling)
    assert tokens.count(cut) <= ceiling
    names, all_names = list(compression.sections(cut)), list(compression.sections(whole))
    assert names == all_names[: len(names)]
    if tokens.count(whole) <= ceiling:
        assert cut == whole


SOURCE = text(
    handover(
        constraints=["Use PostgreSQL 17.2 with django-filter-extras, python3.12, redis@v7.4.1 and @acme/ui-kit."],
        workflow_state={**STATE, "note": "See:\ndjango-tables2\nKubernetes, https://example.org/charts"},
    )
)


def problems(shorter: str, ceiling: int = 800) -> tuple[str, ...]:
    return compression.problems(shorter, source=SOURCE, ask=handover(), ceiling=ceiling)


def test_a_faithful_shortening_has_no_problems() -> None:
    assert problems(SOURCE) == ()
    shorter = compression.truncated(SOURCE, 200)
    assert problems(shorter) == ()
    kept = "Keep PostgreSQL v17.2, django-filter-extras, python 3.12, Redis 7.4.1, @acme/ui-kit."
    assert problems(f"{shorter}\n\n## CONSTRAINTS\n{kept}") == ()
    assert problems(f"{SOURCE}\n- Kubernetes with django-tables2 of example.org/charts") == ()


INVENTED = ["MongoDB", "17.3", "v2.0.1", "django-money", "@acme/other", "Kafka", "AWS"]
PARTS_OF_WHAT_IS_SAID = ["7.2", "17.2.1", "4.1", "7.4", "acme/ui", "@acme/ui", "acme/ui-kit", "django-filter", "ui-kit"]


@pytest.mark.parametrize("term", [*INVENTED, *PARTS_OF_WHAT_IS_SAID])
def test_an_invented_name_version_or_term_is_found(term: str) -> None:
    assert problems(f"{SOURCE}\n- use {term} too") == (f"{term} is not in the source",)


WHOLE = [
    "5.2.x",
    "5.2rc1",
    "3.13.0a1",
    "1.5GB",
    "0.5s",
    "4.5x",
    "2026-11-29T10:00:00.123Z",
    "3.11-3.13",
    "v16.2-alpine",
]
WHOLE += ["src/components/Button.tsx", "apps/agents/", "github.com/Acme/x", "meshsix.kit.Foo", "my_pkg.SomeClass"]
WHOLE += ["foo-bar_", "a-b--c-d", "src/__init__.py", "C:\\new-name", "1.2.3+local.1", "x@y-z.example.org", "## A\nb-c"]
scraps = st.sampled_from([*"aBz09é_-./@+:~\\n \n", "v1.2", "foo-bar", "@acme/ui", "## AB\n", "Term"])


@pytest.mark.parametrize("said", WHOLE)
def test_what_is_copied_word_for_word_is_not_invented(said: str) -> None:
    assert compression.invented(f"use {said}, please.", f"they use {said}.") == ()
    assert compression.invented(said, said) == ()


@given(st.lists(scraps).map("".join) | st.text())
def test_a_text_invents_nothing_of_itself(said: str) -> None:
    assert compression.invented(said, said) == ()


@pytest.mark.parametrize(
    ("part", "source"),
    [
        ("3.11", "3.11-3.13"),
        ("3.13", "3.11-3.13"),
        ("16.2", "postgres:16.2-alpine"),
        ("v16.2-alpine", "postgres:16.2-alpine"),
        ("1.5 GB", "1.5GB"),
        ("1.5GB", "1.5 GB"),
        ("3.12", "python3.12"),
        ("book-marks", "acme/book-marks"),
        ("example.org", "https://example.org/charts"),
    ],
)
def test_a_part_that_is_a_whole_name_or_version_itself_is_said(part: str, source: str) -> None:
    assert compression.invented(part, source) == ()


@pytest.mark.parametrize(
    ("part", "source"),
    [
        ("7.2", "17.2"),
        ("4.1", "4.10"),
        ("5.2", "5.2rc1"),
        ("3.13.0", "3.13.0a1"),
        ("16.2-alpine", "16.2"),
        ("acme/ui", "@acme/ui-kit"),
        ("acme/ui", "acme/ui-kit"),
        ("ui-kit", "@acme/ui-kit"),
        ("django-filter", "django-filters"),
        ("my_pkg.Other", "my_pkg.SomeClass"),
    ],
)
def test_a_part_that_is_no_whole_name_or_version_is_invented(part: str, source: str) -> None:
    assert part in compression.invented(part, source)


def test_missing_sections_changed_metadata_and_length_are_problems() -> None:
    without_domain = SOURCE.replace("## DOMAIN_CONTEXT", "## CONSTRAINTS")
    assert problems(without_domain) == ("DOMAIN_CONTEXT is missing",)
    assert problems(SOURCE.replace("receiver: architect-agent\n", "")) == ("METADATA lacks receiver",)
    assert problems(SOURCE.replace("task: Choose a store", "task: Choose")) == ("METADATA lacks task",)
    assert problems(SOURCE, ceiling=10) == (f"it has {tokens.count(SOURCE)} tokens, more than 10",)


@pytest.mark.parametrize("answer", ["", "Sure, here it is."])
def test_an_answer_without_any_section_is_a_problem_and_no_error(answer: str) -> None:
    assert any("METADATA" in problem for problem in problems(answer))


def test_leaked_ids_and_times_only_warn() -> None:
    leaking = "id 01890a5d-ac96-774b-bcce-b302099a8057 and PVTI_lADOABCD1234 at 2026-01-02T03:04:05Z"
    assert compression.warnings(leaking) == ("warning: it tells an id", "warning: it tells a timestamp")
    assert compression.warnings("nothing of the kind") == ()
