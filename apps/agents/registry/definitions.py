"""What an agent is, as a value: read from a class, or sent by an agent outside; checked before anything is stored."""

import hashlib
import inspect
import json
import re
import typing
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from functools import cache, cached_property
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.module_loading import import_string

from apps.agents.registry import schemas
from apps.agents.registry.agent import MARKS, Agent, Declared, Dependency, Mark
from apps.agents.registry.models.agents import (
    AGENT_ID,
    MOST_SECONDS,
    MOST_SLOTS,
    NAME,
    AgentKind,
    AgentType,
    Risk,
    ServedBy,
)
from apps.agents.registry.schemas import Fault
from apps.agents.registry.states import CheckKind
from meshsix.durable import checks

_LARGEST_METADATA_BYTES = 16 * 1024
_MOST_CHECKS = 50
_LONGEST_TARGET = 500
_THOUSANDTH = Decimal("0.001")


class BadDefinition(Exception):  # noqa: N818 - reads as a word of the domain
    """A definition that cannot be registered; `faults` say where and why."""

    def __init__(self, agent_id: str, faults: tuple[Fault, ...]) -> None:
        lines = "\n".join(f"- {fault.pointer}: {fault.detail}" for fault in faults)
        super().__init__(f"The agent {agent_id} cannot be registered:\n{lines}")
        self.faults = faults


@dataclass(frozen=True, kw_only=True)
class CapabilityDefinition:
    """One capability; schemas are JSON Schemas. Weights have three decimals."""

    name: str
    weight: Decimal
    preferred: bool = False
    requirements: tuple[str, ...] = ()
    risk: Risk = Risk.AUTO
    risky_actions: tuple[str, ...] = ()
    preview: Mapping[str, Any] | None = None
    input_schema: Mapping[str, Any] = field(default_factory=dict)
    output_schema: Mapping[str, Any] = field(default_factory=dict)
    served_by: ServedBy = ServedBy.STEP
    timeout_seconds: int = 120
    estimated_seconds: int | None = None


@dataclass(frozen=True, kw_only=True)
class Definition:
    """One agent with all that it can do. `projects` are `owner/name` in lower case; empty means any."""

    agent_id: str
    title: str
    kind: AgentKind
    type: AgentType
    version: str
    max_concurrency: int = 1
    projects: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    checks: Mapping[str, Dependency] = field(default_factory=dict)
    capabilities: tuple[CapabilityDefinition, ...] = ()

    @cached_property
    def digest(self) -> str:
        """Return the SHA-256 of all fields: equal definitions have equal digests."""
        text = json.dumps(asdict(self), sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()


def check(definition: Definition) -> None:
    """Raise BadDefinition unless everything fits together; every fault at once."""
    faults = (*_names(definition), *_numbers(definition), *_dependencies(definition), *_capabilities(definition))
    if faults:
        raise BadDefinition(definition.agent_id, faults)


def _names(definition: Definition) -> Iterator[Fault]:
    if not re.fullmatch(AGENT_ID, definition.agent_id) or definition.agent_id == "score":
        yield _fault("/agent_id", "a lower-case letter, then letters, digits and hyphens, at most 60; not `score`")
    if not definition.title or len(definition.title) > 200:  # noqa: PLR2004 - the column's length
        yield _fault("/title", "1 to 200 characters; the first line of the docstring of a class")
    if not definition.capabilities:
        yield _fault("/capabilities", "at least one capability")
    for name, count in Counter(each.name for each in definition.capabilities).items():
        if count > 1:
            yield _fault("/capabilities", f"{name} stands {count} times")


def _numbers(definition: Definition) -> Iterator[Fault]:
    if not 1 <= definition.max_concurrency <= MOST_SLOTS:
        yield _fault("/max_concurrency", f"1 to {MOST_SLOTS}")
    if len(json.dumps(dict(definition.metadata), default=str).encode()) > _LARGEST_METADATA_BYTES:
        yield _fault("/metadata", f"at most {_LARGEST_METADATA_BYTES // 1024} KiB")


def _dependencies(definition: Definition) -> Iterator[Fault]:
    if len(definition.checks) > _MOST_CHECKS:
        yield _fault("/checks", f"at most {_MOST_CHECKS}")
    for key, wanted in definition.checks.items():
        if not re.fullmatch(NAME, key):
            yield _fault(f"/checks/{key}", "a lower-case letter, then letters, digits and hyphens, at most 100")
        if wanted.kind == CheckKind.VENDOR and wanted.target not in settings.AGENT_VENDOR_CHECKS:
            yield _fault(f"/checks/{key}", f"no vendor is called {wanted.target!r}")
        if wanted.kind == CheckKind.URL and not _is_address(wanted.target):
            yield _fault(f"/checks/{key}", f"an address (http or https) of at most {_LONGEST_TARGET} characters")


def _is_address(target: str) -> bool:
    try:
        parts = urlsplit(target)
        named = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return named and parts.scheme in {"http", "https"} and len(target) <= _LONGEST_TARGET


def _capabilities(definition: Definition) -> Iterator[Fault]:
    for index, each in enumerate(definition.capabilities):
        at = f"/capabilities/{index}"
        if not re.fullmatch(NAME, each.name):
            yield _fault(f"{at}/name", "a lower-case letter, then letters, digits and hyphens, at most 100")
        if not 0 <= each.weight <= 1 or each.weight != each.weight.quantize(_THOUSANDTH):
            yield _fault(f"{at}/weight", "0 to 1 with at most three decimals")
        if not 1 <= each.timeout_seconds <= MOST_SECONDS:
            yield _fault(f"{at}/timeout_seconds", f"1 to {MOST_SECONDS}")
        for key in each.requirements:
            if key not in definition.checks:
                yield _fault(f"{at}/requirements", f"no check is called {key!r}")
        yield from _schema_faults(each, at)
        yield from _preview_faults(each, at)


def _schema_faults(each: CapabilityDefinition, at: str) -> Iterator[Fault]:
    for name, schema in (("input_schema", each.input_schema), ("output_schema", each.output_schema)):
        try:
            schemas.check(schema)
        except schemas.BadSchema as error:
            yield _fault(f"{at}/{name}", str(error))


def _preview_faults(each: CapabilityDefinition, at: str) -> Iterator[Fault]:
    """Find what would not be shown but refused, or passed over and the task itself done."""
    known = each.input_schema.get("properties")
    if each.preview is not None and not each.preview:
        yield _fault(f"{at}/preview", "at least one property: the payload as it is would do the task itself")
    for name in each.preview or ():
        if not isinstance(known, Mapping) or name not in known:
            yield _fault(f"{at}/preview", f"the input schema has no property {name!r}")


def _fault(pointer: str, detail: str) -> Fault:
    return Fault(pointer=pointer, code="invalid", detail=detail)


@dataclass(frozen=True, kw_only=True)
class Handler:
    """What answers a capability of a class: the method's name, what it takes and gives, or a workflow's path."""

    method: str
    takes: type
    gives: type
    workflow: str


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """An agent class of this deployment, with its one object."""

    definition: Definition
    agent: Agent
    handlers: Mapping[str, Handler]

    def function(self, capability: str) -> Callable[[Any, Any], Any]:
        """Return the bound method that answers a capability. Raises KeyError."""
        function: Callable[[Any, Any], Any] = getattr(self.agent, self.handlers[capability].method)
        return function


@cache
def deployed(agent_id: str) -> Deployed:
    """Return the class that settings.AGENTS names for this agent. Raises KeyError, BadDefinition."""
    found: type[Agent] = import_string(settings.AGENTS[agent_id])
    made = from_class(found)
    if made.definition.agent_id != agent_id:
        fault = _fault("/agent_id", f"settings.AGENTS calls it {agent_id}, the class {made.definition.agent_id}")
        raise BadDefinition(agent_id, (fault,))
    return made


def from_class(kind: type[Agent]) -> Deployed:
    """Read an agent class. Raises BadDefinition."""
    marked = list(_marked(kind))
    handlers = {mark.name: _handler(kind, name, mark) for name, mark in marked}
    definition = Definition(
        agent_id=kind.agent_id,
        title=(inspect.getdoc(kind) or "").partition("\n")[0],
        kind=AgentKind.PYTHON,
        type=kind.type,
        version=kind.version,
        max_concurrency=kind.max_concurrency,
        metadata=dict(kind.metadata),
        checks=dict(kind.checks),
        capabilities=tuple(_capability(mark, handlers[mark.name]) for _, mark in marked),
    )
    check(definition)
    return Deployed(definition=definition, agent=kind(), handlers=handlers)


def _marked(kind: type[Agent]) -> Iterator[tuple[str, Mark]]:
    for name, member in inspect.getmembers(kind, lambda each: inspect.isfunction(each) or isinstance(each, Declared)):
        for mark in (member.mark,) if isinstance(member, Declared) else getattr(member, MARKS, ()):
            yield name, mark


def _handler(kind: type[Agent], method: str, mark: Mark) -> Handler:
    """Read what a handler takes and gives. Raises BadDefinition."""
    takes, gives = _words(getattr(kind, method))
    if not checks.is_word(takes) or not checks.is_word(gives):
        detail = f"{method} must take and give frozen dataclasses with keyword-only fields"
        raise BadDefinition(kind.agent_id, (_fault(f"/capabilities/{mark.name}", detail),))
    return Handler(
        method=method, takes=typing.cast("type", takes), gives=typing.cast("type", gives), workflow=mark.workflow
    )


def _words(member: object) -> tuple[object, object]:
    """Return what a method, or what stands in its place, takes and gives."""
    if isinstance(member, Declared):
        return member.takes, member.gives
    hints = typing.get_type_hints(member)
    gives = hints.pop("return", None)
    return next(iter(hints.values()), None), gives


def _capability(mark: Mark, handler: Handler) -> CapabilityDefinition:
    return CapabilityDefinition(
        name=mark.name,
        weight=Decimal(str(mark.weight)),
        preferred=mark.preferred,
        requirements=mark.requires,
        risk=mark.risk,
        risky_actions=mark.risky_actions,
        preview=mark.preview,
        input_schema=schemas.derive(handler.takes),
        output_schema=schemas.derive(handler.gives, output=True),
        served_by=ServedBy.WORKFLOW if mark.workflow else ServedBy.STEP,
        timeout_seconds=mark.timeout_seconds,
        estimated_seconds=mark.estimated_seconds,
    )
