"""Classes become definitions; what cannot work is refused with all its faults at once."""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pytest

from apps.agents.registry import definitions, schemas
from apps.agents.registry.agent import Agent, Dependency, capability, vendor
from apps.agents.registry.definitions import BadDefinition, from_class
from apps.agents.registry.states import CheckKind
from tests.registry_agents import Alpha, Beta, Needy, Said, Steady, Words

SOUND = from_class(Needy).definition


def faults(definition: definitions.Definition) -> dict[str, str]:
    with pytest.raises(BadDefinition) as caught:
        definitions.check(definition)
    return {fault.pointer: fault.detail for fault in caught.value.faults}


def test_a_class_says_what_it_is_and_can_do() -> None:
    made = from_class(Alpha).definition
    assert (made.agent_id, made.title, made.type, made.max_concurrency) == ("alpha", "Says it first.", "RULE", 2)
    only = made.capabilities[0]
    assert (only.name, only.weight, only.preferred, only.served_by) == ("echo", Decimal("0.9"), True, "step")


def test_a_second_mark_gives_the_same_handler_a_second_name() -> None:
    made = from_class(Beta)
    assert sorted(made.handlers) == ["echo", "repeat"]
    assert made.function("echo") == made.function("repeat")


def test_a_capability_with_a_workflow_is_served_by_it() -> None:
    assert from_class(Steady).definition.capabilities[0].served_by == "workflow"


def test_only_a_workflow_takes_the_place_of_a_method() -> None:
    with pytest.raises(TypeError, match="needs a workflow"):
        capability("echo", weight=0.5).declared(takes=Words, gives=Said)


def test_schemas_are_derived_and_refuse_unknown_fields() -> None:
    schema = from_class(Alpha).definition.capabilities[0].input_schema
    assert not schemas.faults(schema, {"text": "hello"})
    assert [fault.pointer for fault in schemas.faults(schema, {"text": 7})] == ["/text"]
    assert "wrong" in schemas.faults(schema, {"text": "hello", "wrong": 1})[0].detail
    assert "text" in schemas.faults(schema, {})[0].detail


def test_a_fault_never_repeats_the_value() -> None:
    schema = {"type": "object", "properties": {"key": {"type": "string", "pattern": "^[a-z]+$", "maxLength": 3}}}
    told = " ".join(fault.detail for fault in schemas.faults(schema, {"key": "S3CRET-VALUE"}))
    assert "S3CRET" not in told
    assert "maxLength" in told


def test_every_fault_is_told_at_once() -> None:
    wrong = replace(
        SOUND,
        agent_id="Score!",
        title="",
        max_concurrency=101,
        checks={"Bad Key": Dependency(kind=CheckKind.VENDOR, target="nobody")},
        metadata={"much": "x" * 20_000},
    )
    assert faults(wrong).keys() == {
        "/agent_id",
        "/title",
        "/max_concurrency",
        "/metadata",
        "/checks/Bad Key",
        "/capabilities/0/requirements",
    }


def test_a_requirement_without_a_check_is_refused_since_it_would_pass_as_healthy() -> None:
    assert faults(replace(SOUND, checks={})) == {"/capabilities/0/requirements": "no check is called 'vault-healthy'"}


@pytest.mark.parametrize(
    "target", ["http://[", "http://host:port/", "ftp://host/", "host/", "http://", "http://h/".ljust(501, "x")]
)
def test_an_address_that_is_none_cannot_be_depended_on(target: str) -> None:
    wrong = replace(SOUND, checks={**SOUND.checks, "there": Dependency(kind=CheckKind.URL, target=target)})
    assert faults(wrong).keys() == {"/checks/there"}


def test_an_agent_cannot_depend_on_any_number_of_things() -> None:
    many = {f"check-{n}": Dependency(kind=CheckKind.URL, target=f"http://host/{n}") for n in range(50)}
    assert faults(replace(SOUND, checks={**SOUND.checks, **many})).keys() == {"/checks"}


@pytest.mark.parametrize("agent_id", ["score", "", "A", "1a", "a" * 61, "a_b"])
def test_names_that_cannot_be_an_agents_are_refused(agent_id: str) -> None:
    assert "/agent_id" in faults(replace(SOUND, agent_id=agent_id))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("weight", Decimal("1.001")),
        ("weight", Decimal("-0.1")),
        ("weight", Decimal("0.1234")),
        ("timeout_seconds", 0),
        ("timeout_seconds", 86_401),
        ("name", "Not A Name"),
        ("input_schema", {"$ref": "https://example.org/schema.json"}),
        ("input_schema", {"type": "nonsense"}),
        ("preview", {"text": "looks", "no_such_field": True}),
        ("preview", {}),
        ("output_schema", {"$defs": {"a": {"$ref": "other.json"}}}),
        ("output_schema", {"description": "x" * 70_000}),
    ],
)
def test_a_capability_that_cannot_work_is_refused(field: str, value: Any) -> None:  # noqa: ANN401 - any field
    one = replace(SOUND.capabilities[0], **{field: value})
    assert f"/capabilities/0/{field}" in faults(replace(SOUND, capabilities=(one,)))


def test_a_reference_to_nowhere_is_a_fault_of_the_value_and_no_crash() -> None:
    assert schemas.faults({"$ref": "#/$defs/nothing"}, {})[0].code == "schema"


@pytest.mark.parametrize("schema", [{"$ref": "#"}, {"allOf": [{"$ref": "#"}]}])
def test_a_schema_that_leads_back_to_itself_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(schemas.BadSchema):
        schemas.check(schema)
    assert schemas.faults(schema, {})[0].code == "schema"


def test_a_schema_that_holds_itself_may_be_used_until_a_value_has_no_end_in_it() -> None:
    tree = {"properties": {"branch": {"$ref": "#"}, "loop": {"$ref": "#/properties/loop"}}}
    schemas.check(tree)
    assert not schemas.faults(tree, {"branch": {"branch": {}}})
    assert schemas.faults(tree, {"loop": 1})[0].code == "schema"


def test_equal_schemas_have_equal_digests_whatever_the_order_of_their_words() -> None:
    assert schemas.digest({"a": 1, "b": 2}) == schemas.digest({"b": 2, "a": 1})


def test_a_handler_that_takes_no_frozen_dataclass_is_refused() -> None:
    @dataclass
    class Loose:
        text: str = ""

    class Careless(Agent):
        """Takes anything."""

        agent_id = "careless"

        @capability("anything", weight=0.5)
        def anything(self, given: Loose, job: object) -> Loose:  # noqa: ARG002 - a handler takes its job
            return given

    Careless.anything.__annotations__ |= {"given": Loose, "return": Loose}
    with pytest.raises(BadDefinition, match="frozen dataclasses with keyword-only fields"):
        from_class(Careless)


def test_a_vendor_check_names_a_vendor_that_is_known() -> None:
    assert vendor("vault").kind is CheckKind.VENDOR
    wrong = replace(SOUND, checks={"vault-healthy": vendor("nobody")})
    assert faults(wrong) == {"/checks/vault-healthy": "no vendor is called 'nobody'"}
