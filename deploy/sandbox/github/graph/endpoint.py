"""POST /graphql: runs a document on the schema's subset and answers as GitHub does, errors with their types."""

import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLResolveInfo,
    GraphQLSchema,
    build_schema,
    execute,
    parse,
    validate,
)
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploy.sandbox.github.callers import Caller, Kind
from deploy.sandbox.github.graph.catalogue import eyes_of
from deploy.sandbox.github.graph.mutations import Mutation
from deploy.sandbox.github.graph.queries import Query
from deploy.sandbox.github.problems import GraphProblem, Problem
from deploy.sandbox.github.web import MEDIA, Desk, caller_headers, usual_headers

SCHEMA = Path(__file__).parents[1] / "schema.graphql"
OPTION_IDS = "extend input ProjectV2SingleSelectFieldOptionInput { id: String }"
CAPITALS = re.compile(r"(?<=[a-z0-9])([A-Z]+)")


@lru_cache(maxsize=1_024)
def snake(name: str) -> str:
    """Return `projectV2Field` as project_v2_field."""
    return CAPITALS.sub(lambda match: f"_{match[1]}", name).lower()


def snaked(value: Any) -> Any:  # noqa: ANN401 - any input value
    """Return an input value with its field names in snake case."""
    if isinstance(value, dict):
        return {snake(name): snaked(each) for name, each in value.items()}
    return [snaked(each) for each in value] if isinstance(value, list) else value


def resolve(source: Any, info: GraphQLResolveInfo[Any], **args: Any) -> Any:  # noqa: ANN401 - any field of any object
    """Return a field of an object: its attribute, or what its method gives for the field's arguments."""
    if isinstance(source, Mutation):
        given = snaked(args["input"])
        payload: dict[str, Any] = getattr(source, snake(info.field_name))(given)
        return {**payload, "client_mutation_id": given.get("client_mutation_id")}
    name = snake(info.field_name)
    value = source.get(name) if isinstance(source, dict) else getattr(source, name, None)
    return value(**snaked(args)) if callable(value) else value


def type_of(value: Any, *_: object) -> str:  # noqa: ANN401 - any object of the schema
    """Return the name of an object's type."""
    return str(value.typename)


@lru_cache(maxsize=2)
def schema(*, option_ids: bool) -> GraphQLSchema:
    """Return the schema. `option_ids` lets options name the id that they keep, as some servers do already."""
    text = SCHEMA.read_text()
    return build_schema(f"{text}\n{OPTION_IDS}" if option_ids else text, assume_valid=True)


@lru_cache(maxsize=512)
def _document(text: str, *, option_ids: bool) -> tuple[DocumentNode | None, tuple[GraphQLError, ...]]:
    try:
        document = parse(text)
    except GraphQLError as error:
        return None, (error,)
    return document, tuple(validate(schema(option_ids=option_ids), document))


def error_json(error: GraphQLError) -> dict[str, Any]:
    """Return an entry of `errors` with GitHub's `type` in front."""
    original = error.original_error
    shown: dict[str, Any] = {"type": original.kind} if isinstance(original, GraphProblem) else {}
    if error.path:
        shown["path"] = error.path
    if error.locations:
        shown["locations"] = [{"line": each.line, "column": each.column} for each in error.locations]
    if original is None and not error.path:
        shown["extensions"] = {"code": "invalidDocument"}
    return {**shown, "message": error.message}


def answer(desk: Desk, caller: Caller, asked: dict[str, Any], counted: dict[str, int]) -> dict[str, Any]:
    """Run a document and return the JSON of its answer. A mutation that fails changes nothing."""
    option_ids = desk.world.config.option_ids
    document, mistakes = _document(str(asked.get("query", "")), option_ids=option_ids)
    if document is None or mistakes:
        return {"errors": [error_json(each) for each in mistakes]}
    eyes = eyes_of(desk.world, caller)
    result = execute(
        schema(option_ids=option_ids),
        document,
        root_value=Root(Query(eyes, counted), Mutation(eyes)),
        variable_values=asked.get("variables") or {},
        operation_name=asked.get("operationName"),
        field_resolver=resolve_root,
        type_resolver=type_of,
    )
    if not isinstance(result, ExecutionResult):
        raise TypeError("no resolver of this schema is asynchronous")
    for error in result.errors or ():
        if error.original_error is not None and not isinstance(error.original_error, GraphProblem | GraphQLError):
            raise error.original_error
    shown: dict[str, Any] = {} if result.data is None else {"data": result.data}
    if result.errors:
        shown["errors"] = [error_json(each) for each in result.errors]
    return shown


class Root:
    """The root of every operation: of a query and of a mutation."""

    def __init__(self, query: Query, mutation: Mutation) -> None:
        self.query, self.mutation = query, mutation


def resolve_root(source: Any, info: GraphQLResolveInfo[Any], **args: Any) -> Any:  # noqa: ANN401 - any field of any object
    """Return a field of a root, or of any other object."""
    if isinstance(source, Root):
        source = source.mutation if info.parent_type.name == "Mutation" else source.query
    return resolve(source, info, **args)


def _asked(raw: bytes) -> dict[str, Any]:
    try:
        asked = json.loads(raw)
    except ValueError:
        raise Problem(400, "Problems parsing JSON") from None
    if not isinstance(asked, dict) or not isinstance(asked.get("query"), str):
        raise Problem(400, "A query attribute must be specified and must be a string.")
    return asked


def _signed_in(caller: Caller) -> Caller:
    if caller.kind is Kind.ANONYMOUS:
        raise Problem(403, "This endpoint requires you to be authenticated.")
    return caller


def _work(desk: Desk, request: Request, raw: bytes) -> Response:
    desk.learn_address(request)
    headers = usual_headers() | {"content-type": MEDIA, "x-github-media-type": "github.v4; format=json"}
    try:
        caller = _signed_in(desk.world.caller(request.headers.get("authorization", "")))
        asked = _asked(raw)
    except Problem as problem:
        return Response(json.dumps(problem.body()), problem.status, headers)
    headers |= caller_headers(caller) | desk.limit_headers(caller, "graphql")
    counted = desk.limits.count(caller, "graphql", cost=0)
    if desk.limits.exceeded(caller, "graphql"):
        message = f"API rate limit exceeded for user ID {desk.world.known(caller.login).id}."
        body: dict[str, Any] = {"errors": [{"type": "RATE_LIMITED", "message": message}]}
    else:
        body = answer(desk, caller, asked, counted)
    return Response(json.dumps(body), 200, headers)


def routes(desk: Desk) -> list[Route]:
    """Return the routes of GraphQL: as on api.github.com, and as on a server."""

    async def endpoint(request: Request) -> Response:
        raw = await request.body()
        return await desk.work(lambda: _work(desk, request, raw))

    return [Route(path, endpoint, methods=["POST"]) for path in ("/graphql", "/api/graphql")]
