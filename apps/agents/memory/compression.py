"""How a hand-over from one agent to another is made shorter by rules, cut, and how a model's shortening is checked.

Pure.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from meshsix.kit import tokens

Json = object
"""What JSON can say: mappings, lists, texts, numbers, truth and nothing."""

_SECTION = re.compile(r"^## ([A-Z_]+)$", re.MULTILINE)
METADATA, DOMAIN = "METADATA", "DOMAIN_CONTEXT"
_NEEDED = 2
"""How many sections no hand-over is without: METADATA and DOMAIN_CONTEXT, which come first."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What goes from one agent to another: fields stripped at any depth unless kept, how much else, and the ceiling."""

    strips: frozenset[str]
    keeps: frozenset[str] = frozenset()
    memories: int
    messages: int
    ceiling: int


_INTERNAL = frozenset({"created_at", "project_item_id", "workflow_id", "content_node_id", "detected_via"})
_OF_A_MANAGER = _INTERNAL | {"plan_cycles", "qa_cycles", "blockers"}
_ISSUE = frozenset({"issue_number", "issue_title", "repo_owner", "repo_name"})
_ANY = "*"

RULES: Mapping[tuple[str, str], Rule] = {
    ("project-manager", "architect-agent"): Rule(
        strips=_OF_A_MANAGER, keeps=_ISSUE | {"phase"}, memories=4, messages=2, ceiling=800
    ),
    ("project-manager", "researcher-agent"): Rule(
        strips=_OF_A_MANAGER | {"phase"}, keeps=_ISSUE, memories=3, messages=0, ceiling=600
    ),
    (_ANY, _ANY): Rule(strips=_INTERNAL, memories=5, messages=4, ceiling=1000),
}


def rule_for(sender: str, receiver: str, rules: Mapping[tuple[str, str], Rule] = RULES) -> Rule:
    """Return the rule of the exact pair, else of the sender, else of the receiver, else the general one."""
    pairs = ((sender, receiver), (sender, _ANY), (_ANY, receiver), (_ANY, _ANY))
    return next(rules[pair] for pair in pairs if pair in rules)


@dataclass(frozen=True, kw_only=True)
class Said:
    """One message of the conversation that led to the hand-over."""

    role: str
    content: str


@dataclass(frozen=True, kw_only=True)
class Handover:
    """What one agent hands to another. `workflow_state` is any JSON object."""

    sender: str
    receiver: str
    project: str = ""
    task_summary: str
    priority: int | None = None
    workflow_state: Mapping[str, Json] = field(default_factory=dict)
    memories: Sequence[str] = ()
    questions: Sequence[str] = ()
    conversation: Sequence[Said] = ()
    constraints: Sequence[str] = ()
    known_failures: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Ruled:
    """The text that the rules give, and whether anything was left out of it."""

    text: str
    complete: bool


def stripped(value: Json, rule: Rule) -> Json:
    """Return a copy without the fields that the rule strips, at any depth."""
    if isinstance(value, Mapping):
        gone = rule.strips - rule.keeps
        return {str(key): stripped(each, rule) for key, each in value.items() if key not in gone}
    if isinstance(value, str) or not isinstance(value, Sequence):
        return value
    return [stripped(each, rule) for each in value]


def ruled(ask: Handover, rule: Rule) -> Ruled:
    """Return the sections that the rule leaves, empty ones left out but METADATA and DOMAIN_CONTEXT."""
    state = stripped(ask.workflow_state, rule)
    memories, spoken = list(ask.memories)[: rule.memories], list(ask.conversation)
    spoken = spoken[-rule.messages :] if rule.messages else []
    sections = {
        METADATA: "\n".join(f"{name}: {value}" for name, value in metadata(ask)),
        DOMAIN: json.dumps(state, ensure_ascii=False, indent=1, default=str),
        "CONSTRAINTS": _listed(ask.constraints),
        "KNOWN_FAILURES": _listed(ask.known_failures),
        "RELEVANT_MEMORIES": _listed(memories),
        "CONVERSATION_CONTEXT": "\n".join(f"{each.role}: {each.content}" for each in spoken),
        "OPEN_QUESTIONS": _listed(ask.questions),
    }
    parts = [f"## {name}\n{_harmless(text)}" for name, text in sections.items() if text]
    kept_all = len(memories) == len(ask.memories) and len(spoken) == len(ask.conversation)
    return Ruled(text="\n\n".join(parts), complete=kept_all and state == _plain(ask.workflow_state))


def metadata(ask: Handover) -> tuple[tuple[str, str], ...]:
    """Return the lines of METADATA."""
    lines = [("sender", ask.sender), ("receiver", ask.receiver), ("project", ask.project or "-")]
    if ask.priority is not None:
        lines.append(("priority", str(ask.priority)))
    return (*lines, ("task", " ".join(ask.task_summary.split())))


def _plain(value: Json) -> Json:
    return stripped(value, Rule(strips=frozenset(), memories=0, messages=0, ceiling=0))


def _listed(texts: Sequence[str]) -> str:
    return "\n".join(f"- {text}" for text in texts)


def _harmless(text: str) -> str:
    """Return text in which no line looks like the heading of a section."""
    return _SECTION.sub(r" ## \1", text)


def sections(text: str) -> dict[str, str]:
    """Return the sections of a text by name, in their order; a text without headings has none."""
    found = list(_SECTION.finditer(text))
    ends = [*(each.start() for each in found[1:]), len(text)]
    return {each[1]: text[each.end() : end].strip() for each, end in zip(found, ends, strict=False)}


def truncated(text: str, ceiling: int) -> str:
    """Return the text cut section by section from the end until it fits; the last one that is left is cut itself.

    DOMAIN_CONTEXT is left with METADATA as long as half of the room is its own.
    """
    starts = [each.start() for each in _SECTION.finditer(text)]
    while tokens.count(text) > ceiling and len(starts) > 1:
        if len(starts) == _NEEDED and tokens.count(text[: starts[1]]) <= ceiling // 2:
            break
        text = text[: starts.pop()].rstrip()
    return tokens.cut(text, ceiling)


_WHOLE = re.compile(r"(?:(?<!\w)@)?[^\W_]+(?:(?:[-_./]|(?<=\d)\+)[^\W_]+)*")
"""A name, path or number as it stands between spaces, brackets, quotes, colons and the like."""
_PACKAGE = re.compile(r"@[^/]+(?:/[^/]+)+|[a-z][A-Za-z0-9]*(?:[-_./+][A-Za-z0-9]+)+")
_VERSION = re.compile(r"(?<![^\W_])v?\d+(?:\.\d+)+[^\W_]*(?:[-+.][^\W_]+)*")
_NUMBER = re.compile(r"(?<!\d)(?<!\d\.)\d+(?:\.\d+)+.*")
_DRESSED = re.compile(r"^v?(\d+(?:\.\d+)+)(?:[^\W\d_]+$)?")
_ESCAPE = re.compile(r"\\[\\bfnrt]")
_TERM = re.compile(r"\b[A-Z][A-Za-z0-9]{2,}\b")
_WORDS = re.compile(r"[A-Za-z0-9]+")
_LEAKS = {
    "an id": re.compile(
        r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b|\b(?:PVTI|PVT|I|MDU)_\w{8,}\b"
    ),
    "a timestamp": re.compile(r"\b\d{4}-\d{2}-\d{2}T\d{2}:\d{2}"),
}
STOP_WORDS = frozenset((Path(__file__).parent / "stop_words.txt").read_text(encoding="utf-8").split())
"""Words that may begin a sentence without being a term."""


def problems(shorter: str, *, source: str, ask: Handover, ceiling: int) -> tuple[str, ...]:
    """Return what makes a model's text unusable, by its sections, its length and what it invented."""
    found = []
    parts = sections(shorter)
    lacking = [name for name, value in metadata(ask) if f"{name}: {value}" not in parts.get(METADATA, "").splitlines()]
    if lacking:
        found.append(f"METADATA lacks {', '.join(lacking)}")
    if not parts.get(DOMAIN):
        found.append("DOMAIN_CONTEXT is missing")
    if tokens.count(shorter) > ceiling:
        found.append(f"it has {tokens.count(shorter)} tokens, more than {ceiling}")
    return (*found, *(f"{term} is not in the source" for term in invented(shorter, source)))


def invented(shorter: str, source: str) -> tuple[str, ...]:
    """Return the package names, versions and capitalised terms of a text that its source does not say, whole.

    Of a path each segment is said too, of `16.2-alpine` and `python3.12` the number; of `@acme/ui-kit` no part is. A
    package that is one plain word cannot be told from prose.
    """
    source, body = _unescaped(source), _unescaped(_SECTION.sub("", shorter))
    words = {word.casefold() for word in _WORDS.findall(source)}
    said = {_plainly(part) for whole in _WHOLE.findall(source) for part in (*_named(whole), *_parts(whole))}
    found = [name for whole in _WHOLE.findall(body) for name in _named(whole) if _plainly(name) not in said]
    terms = [each for each in _TERM.findall(body) if each.casefold() not in STOP_WORDS]
    return tuple(dict.fromkeys(found + [each for each in terms if each.casefold() not in words]))


def _unescaped(text: str) -> str:
    """Return text in which no letter of an escape sequence of JSON begins a word."""
    return _ESCAPE.sub(" ", text)


def _named(whole: str) -> list[str]:
    """Return the package that it is, or the versions in it."""
    is_package = _PACKAGE.fullmatch(whole) and not _VERSION.fullmatch(whole)
    return [whole] if is_package else _VERSION.findall(whole)


def _parts(whole: str) -> list[str]:
    """Return what is said with it: the segments of a path, and the number of each of its parts."""
    segments = [] if whole.startswith("@") else whole.split("/")
    return segments + [number for part in re.split(r"[-+/_]", whole) for number in _NUMBER.findall(part)]


def _plainly(name: str) -> str:
    """Return a name or version as it is compared: without case, the `v` before a number and the unit behind it."""
    return _DRESSED.sub(r"\1", name.casefold())


def warnings(text: str) -> tuple[str, ...]:
    """Return what a text tells that the receiver has no use for; it is used all the same."""
    return tuple(f"warning: it tells {what}" for what, pattern in _LEAKS.items() if pattern.search(text))
