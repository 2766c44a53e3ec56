"""The schema that the sandbox answers is a true subset of the one that GitHub publishes."""

from pathlib import Path

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLUnionType,
    build_schema,
    is_required_argument,
    is_required_input_field,
    is_specified_scalar_type,
    validate_schema,
)

import deploy.sandbox.github
from tests.contract import published

OURS = build_schema((Path(deploy.sandbox.github.__file__).parent / "schema.graphql").read_text())
TYPES = [
    each for each in OURS.type_map.values() if not each.name.startswith("__") and not is_specified_scalar_type(each)
]


def test_schema_is_valid() -> None:
    assert validate_schema(OURS) == []


@pytest.mark.parametrize("ours", TYPES, ids=lambda each: each.name)
def test_type_is_part_of_githubs(ours: GraphQLNamedType) -> None:
    theirs = published.graphql_schema().type_map[ours.name]
    assert type(ours) is type(theirs)
    if isinstance(ours, GraphQLEnumType) and isinstance(theirs, GraphQLEnumType):
        assert set(ours.values) == set(theirs.values)
    if isinstance(ours, GraphQLUnionType) and isinstance(theirs, GraphQLUnionType):
        assert {each.name for each in ours.types} <= {each.name for each in theirs.types}


@pytest.mark.parametrize(
    "ours",
    [each for each in TYPES if isinstance(each, GraphQLObjectType | GraphQLInterfaceType)],
    ids=lambda each: each.name,
)
def test_fields_and_arguments_are_githubs(ours: GraphQLObjectType | GraphQLInterfaceType) -> None:
    theirs = published.graphql_schema().type_map[ours.name]
    assert isinstance(theirs, GraphQLObjectType | GraphQLInterfaceType)
    assert {each.name for each in ours.interfaces} <= {each.name for each in theirs.interfaces}
    for name, field in ours.fields.items():
        published_field = theirs.fields[name]
        assert str(field.type) == str(published_field.type), name
        for argument, definition in field.args.items():
            assert str(definition.type) == str(published_field.args[argument].type), (name, argument)
            assert definition.default_value == published_field.args[argument].default_value, (name, argument)
        required = {each for each, definition in published_field.args.items() if is_required_argument(definition)}
        assert required <= set(field.args), name


@pytest.mark.parametrize(
    "ours", [each for each in TYPES if isinstance(each, GraphQLInputObjectType)], ids=lambda each: each.name
)
def test_inputs_are_githubs(ours: GraphQLInputObjectType) -> None:
    theirs = published.graphql_schema().type_map[ours.name]
    assert isinstance(theirs, GraphQLInputObjectType)
    for name, field in ours.fields.items():
        assert str(field.type) == str(theirs.fields[name].type), name
        assert field.default_value == theirs.fields[name].default_value, name
    required = {name for name, field in theirs.fields.items() if is_required_input_field(field)}
    assert required <= set(ours.fields)
