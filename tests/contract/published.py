"""What GitHub publishes about its interfaces, for contract tests: OpenAPI, GraphQL schema, webhook payloads.

The packages of package-lock.json are installed once into `.cache/contract`, boiled down to two small files there and
thrown away again (385 MB). Several test processes may ask at once: a file lock lets one of them do the work.

    published.rest().answer_problems("GET", "/repos/octo-org/bookmarks", 200, body)  -> [] or sentences
    published.rest().request_problems("POST", "/repos/octo-org/bookmarks/hooks", {}, body)
    published.graphql_schema()                       a GraphQLSchema, for graphql.validate
    published.webhook_problems("issues", payload)    -> [] or sentences
    published.webhook_examples()                     [(event, payload), ...]
"""

import fcntl
import hashlib
import json
import pickle
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from graphql import DocumentNode, GraphQLSchema, build_ast_schema, parse, strip_ignored_characters
from jsonschema import Draft202012Validator

Json = dict[str, Any]
HERE = Path(__file__).resolve().parent
CACHE = HERE.parents[1] / ".cache" / "contract"
UNSAID = frozenset(
    {"description", "example", "examples", "externalDocs", "summary", "tags", "x-github", "x-githubCloudOnly"}
)
ERRORS = 400
"""From this status on an answer carries `status` in its body, which the description leaves out for some of them."""


class Rest:
    """GitHub's OpenAPI description. Objects are closed: a field that GitHub does not describe is a problem."""

    def __init__(self, description: Json) -> None:
        self._description = description
        self._root = Draft202012Validator({"components": description["components"]})
        self._templates = sorted(
            ((_pattern(path), path) for path in description["paths"]),
            key=lambda pair: (-pair[1].count("/"), [part.startswith("{") for part in pair[1].split("/")]),
        )

    def operation(self, method: str, path: str) -> tuple[str, Json] | None:
        """Return the path template and the operation for a request, or None where GitHub describes none.

        GitHub's redirects of a former name lead below /repositories/{id}, which it describes as /repos/{owner}/{repo}.
        """
        path = re.sub(r"^/repositories/\d+", "/repos/octo-org/bookmarks", path)
        for pattern, template in self._templates:
            item: Json = self._description["paths"][template]
            if method.lower() in item and pattern.fullmatch(path):
                return template, item[method.lower()]
        return None

    def request_problems(self, method: str, path: str, query: Mapping[str, str], body: object | None) -> list[str]:
        """Return what GitHub's description does not allow in a request; `body` is parsed JSON or None."""
        found = self.operation(method, path)
        if found is None:
            return [f"no operation {method} {path}"]
        template, operation = found
        known = {each["name"]: each for each in map(self._resolved, operation.get("parameters", []))}
        problems = [f"{method} {template}: unknown query parameter {name}" for name in query if name not in known]
        for name, each in known.items():
            if each["in"] == "query" and name in query:
                problems += self._problems(_from_text(query[name], each["schema"]), each["schema"], f"query {name}")
            elif each["in"] == "query" and each.get("required"):
                problems.append(f"{method} {template}: query parameter {name} is missing")
        content = self._resolved(operation.get("requestBody", {})).get("content", {})
        if body is not None and "application/json" not in content:
            problems.append(f"{method} {template}: takes no JSON body")
        elif body is not None:
            problems += self._problems(body, content["application/json"]["schema"], f"{method} {template}")
        elif operation.get("requestBody", {}).get("required"):
            problems.append(f"{method} {template}: the body is missing")
        return problems

    def answer_problems(self, method: str, path: str, status: int, body: object | None) -> list[str]:
        """Return what GitHub's description does not allow in an answer; `body` is parsed JSON, or None."""
        found = self.operation(method, path)
        if found is None:
            return [f"no operation {method} {path}"]
        template, operation = found
        if str(status) not in operation["responses"]:
            # 401, redirects and others may follow any request, so GitHub does not list them with each operation
            return (
                [] if status in (301, 307, 401, 403, 404, 422) else [f"{method} {template}: {status} is not described"]
            )
        content = self._resolved(operation["responses"][str(status)]).get("content", {})
        if "application/json" not in content:
            return [] if body is None or status >= ERRORS else [f"{method} {template}: {status} has no body"]
        if status >= ERRORS and isinstance(body, dict):
            body = {name: value for name, value in body.items() if name != "status"}
        return self._problems(body, content["application/json"]["schema"], f"{method} {template} {status}")

    def problems(self, value: object, schema: str) -> list[str]:
        """Return what does not fit the named schema of the description."""
        return self._problems(value, {"$ref": f"#/components/schemas/{schema}"}, schema)

    def webhook(self, event: str, action: str | None) -> Json | None:
        """Return the schema of an event's payload, or None where GitHub describes none."""
        schema: Json | None = self._description["webhooks"].get(event if action is None else f"{event}/{action}")
        return schema

    def webhook_problems(self, event: str, payload: Json) -> list[str]:
        """Return what does not fit GitHub's description of a webhook payload."""
        schema = self.webhook(event, payload.get("action"))
        if schema is None:
            return [f"GitHub describes no event {event} with action {payload.get('action')}"]
        return self._problems(payload, schema, event)

    def _resolved(self, node: Json) -> Json:
        while "$ref" in node:
            target: Any = self._description
            for part in node["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            node = target
        return node

    def _problems(self, value: object, schema: Json, where: str) -> list[str]:
        errors = self._root.evolve(schema={**schema, "components": self._description["components"]}).iter_errors(value)
        return [f"{where}: {'/'.join(map(str, error.absolute_path))}: {_short(error.message)}" for error in errors]


def _short(message: str) -> str:
    return message if len(message) <= 300 else f"{message[:140]} ... {message[-140:]}"


def _from_text(text: str, schema: Json) -> object:
    kinds = schema.get("type")
    if "integer" in (kinds or ()) and re.fullmatch(r"-?\d+", text):
        return int(text)
    return text == "true" if kinds == "boolean" and text in ("true", "false") else text


def _pattern(path: str) -> re.Pattern[str]:
    several = {"path", "ref", "branch", "basehead"}  # x-multi-segment and those that GitHub forgot to mark
    parts = re.split(r"(\{[^}]+\})", path)
    return re.compile(
        "".join(
            re.escape(part) if not part.startswith("{") else ".*" if part[1:-1] in several else "[^/]+"
            for part in parts
        )
    )


@contextmanager
def _alone() -> Iterator[None]:
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _boiled_down(name: str) -> Any:  # noqa: ANN401 - whatever was pickled
    """Return the part `name` of what is published, installing the packages if need be."""
    stamp = hashlib.sha256((HERE / "package-lock.json").read_bytes() + Path(__file__).read_bytes()).hexdigest()[:16]
    wanted = CACHE / f"{name}-{stamp}.pickle"
    with _alone():
        if not wanted.exists():
            for old in CACHE.glob("*.pickle"):
                old.unlink()
            for part, content in _install().items():
                (CACHE / f"{part}-{stamp}.pickle").write_bytes(content)
    return pickle.loads(wanted.read_bytes())  # noqa: S301 - written by ourselves a moment ago


def _install() -> dict[str, bytes]:
    npm = shutil.which("npm")
    if npm is None:
        raise RuntimeError("the contract tests need npm once, to install what GitHub publishes: see Makefile")
    with tempfile.TemporaryDirectory(dir=CACHE) as place:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, place)
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run(command, cwd=place, check=True, stdout=subprocess.DEVNULL)
        packages = Path(place) / "node_modules" / "@octokit"
        return {
            "rest": pickle.dumps(_closed(_read(packages / "openapi/generated/api.github.com.json"))),
            "graphql": _with_deep_stack(lambda: _schema((packages / "graphql-schema/schema.graphql").read_text())),
            "webhook_examples": pickle.dumps(_examples(packages / "webhooks-examples/api.github.com/index.json")),
        }


def _read(path: Path) -> Json:
    content: Json = json.loads(path.read_bytes())
    return content


def _examples(path: Path) -> list[tuple[str, Json]]:
    return [(event["name"], each) for event in json.loads(path.read_bytes()) for each in event["examples"]]


def _schema(text: str) -> bytes:
    without_words = re.sub(r'"""(?:[^"\\]|\\.|"(?!""))*"""', "", text)
    return pickle.dumps(parse(strip_ignored_characters(without_words), no_location=True))


def _with_deep_stack(work: Callable[[], bytes]) -> bytes:
    """Pickle a large tree: its depth is beyond Python's usual recursion limit."""
    results: list[bytes] = []
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(100_000)
    threading.stack_size(256 * 1024 * 1024)
    thread = threading.Thread(target=lambda: results.append(work()))
    thread.start()
    thread.join()
    threading.stack_size(0)
    sys.setrecursionlimit(limit)
    return results[0]


def _closed(description: Json) -> Json:
    """Return the description as JSON Schema 2020-12, without words, its objects closed where that is sound."""
    parts: set[str] = set()
    _collect_parts(description, parts)
    schemas = description["components"]["schemas"]
    kept = {name: part for name, part in description["components"].items() if name not in ("examples", "schemas")}
    return {
        "paths": _plain(description["paths"], open_=False),
        "webhooks": dict(_event(item["post"]) for item in description["x-webhooks"].values()),
        "components": {
            **_plain(kept, open_=False),
            "schemas": {name: _plain(schema, open_=name in parts) for name, schema in schemas.items()},
        },
    }


def _event(operation: Json) -> tuple[str, Json]:
    event = operation["x-github"]["subcategory"]
    _, slash, action = operation["operationId"].partition("/")
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    return event + slash + action.replace("-", "_"), _plain(schema, open_=False)


def _collect_parts(node: object, parts: set[str]) -> None:
    """Collect the names of the schemas that are combined with others, which therefore must stay open."""
    if isinstance(node, list):
        for each in node:
            _collect_parts(each, parts)
    elif isinstance(node, dict):
        for each in node.get("allOf", []) if isinstance(node.get("allOf"), list) else []:
            if isinstance(each, dict) and "$ref" in each:
                parts.add(each["$ref"].rsplit("/", 1)[1])
        for each in node.values():
            _collect_parts(each, parts)


def _plain(node: Any, *, open_: bool) -> Any:  # noqa: ANN401 - JSON in, JSON out
    if isinstance(node, list):
        return [_plain(each, open_=open_) for each in node]
    if not isinstance(node, dict):
        return node
    if [each.get("title") for each in node.get("allOf", ()) if isinstance(each, dict)] == ["Simple User", "Enterprise"]:
        # An account cannot be both: elsewhere the description says anyOf
        node = {("anyOf" if name == "allOf" else name): value for name, value in node.items()}
    is_schema = isinstance(node.get("type"), str) or bool({"allOf", "oneOf", "anyOf"} & set(node))
    plain = {
        name: _properties(value, open_=open_)
        if name == "properties" and is_schema
        else _plain(value, open_=open_ or name == "allOf")
        for name, value in node.items()
        if name not in UNSAID
    }
    combined = {"allOf", "oneOf", "anyOf"} & set(plain)
    if "oneOf" in plain and "anyOf" not in plain:
        plain["anyOf"] = plain.pop("oneOf")  # GitHub's alternatives overlap, so an answer may fit several
    if is_schema and isinstance(plain.get("properties"), dict) and not combined and not open_:
        plain.setdefault("additionalProperties", False)
    return _nullable(plain) if is_schema else plain


def _properties(node: Json, *, open_: bool) -> Json:
    return {name: _plain(value, open_=open_) for name, value in node.items()}


def _nullable(schema: Json) -> Json:
    if schema.pop("nullable", False) is not True:
        return schema
    if isinstance(schema.get("type"), str):
        schema["type"] = [schema["type"], "null"]
        if "enum" in schema:
            schema["enum"] = [*schema["enum"], None]
        return schema
    return {"anyOf": [schema, {"type": "null"}]}


@cache
def rest() -> Rest:
    """Return GitHub's REST interface."""
    return Rest(_boiled_down("rest"))


@cache
def graphql_schema() -> GraphQLSchema:
    """Return GitHub's whole GraphQL schema, without its descriptions."""
    document: DocumentNode = _boiled_down("graphql")
    return build_ast_schema(document, assume_valid=True)


@cache
def webhook_examples() -> list[tuple[str, Json]]:
    """Return GitHub's sample deliveries as pairs of event name and payload."""
    examples: list[tuple[str, Json]] = _boiled_down("webhook_examples")
    return examples


def webhook_problems(event: str, payload: Json) -> list[str]:
    """Return what does not fit GitHub's description of a webhook payload."""
    return rest().webhook_problems(event, payload)
