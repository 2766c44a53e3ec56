"""Objects as people read them: YAML without secrets, differences, and the hash by which a plan is known. Pure."""

import difflib
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from apps.agents.roster.kubectl.words import Change
from meshsix.kit import redact

_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""A second copy of the whole object, which another client keeps."""
MOST_DIFF = 60_000


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One object as it is and as a change would make it; None: it is not there."""

    kind: str
    name: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None

    @property
    def change(self) -> Change:
        """Return what applying means for it."""
        if self.before is None:
            return Change.CREATED
        return Change.UNCHANGED if self.before == self.after else Change.UPDATED


def plan_hash(differences: Sequence[Difference]) -> str:
    """Return the SHA-256 of all that is and all that would be; other manifests or another cluster give another one."""
    told = [[each.kind, each.name, each.before, each.after] for each in differences]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def diff(differences: Sequence[Difference]) -> str:
    """Return the unified diff of all objects that would change, without secrets, cut where it is very long."""
    text = "".join(_diff(each) for each in differences if each.change is not Change.UNCHANGED)
    return text if len(text) <= MOST_DIFF else f"{text[:MOST_DIFF]}\n... cut; the plan_hash counts all of it\n"


def _diff(each: Difference) -> str:
    before, after = ("" if side is None else manifest(side) for side in (each.before, each.after))
    name = f"{each.kind}/{each.name}"
    lines = difflib.unified_diff(
        before.splitlines(keepends=True),
        after.splitlines(keepends=True),
        fromfile="/dev/null" if each.before is None else f"a/{name}",
        tofile="/dev/null" if each.after is None else f"b/{name}",
    )
    # Where only a masked value differs, both sides look alike.
    return "".join(lines) or f"--- a/{name}\n+++ b/{name}\n(a value that is not shown)\n"


def manifest(content: Mapping[str, Any]) -> str:
    """Return an object as YAML; values are masked that look like secrets, or whose key or variable is named so."""
    masked = redact.structure(_without_copies(content))
    return redact.text(yaml.safe_dump(masked, sort_keys=True, allow_unicode=True, width=10_000))


def _without_copies(value: object) -> object:
    if isinstance(value, Mapping):
        if isinstance(name := value.get("name"), str) and isinstance(value.get("value"), str):
            return {**value, "value": redact.structure({name: value["value"]})[name]}  # type: ignore[index] # a mapping gives a mapping
        return {name: _without_copies(inner) for name, inner in value.items() if name != _LAST_APPLIED}
    if isinstance(value, list | tuple):
        return [_without_copies(each) for each in value]
    return value
