"""The points at which a worker is killed: each changing call, found in the log of an undisturbed run."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from meshsix.kit import names
from tests.crash.onboarding.rig import VAULT, Rig

Json = dict[str, Any]
# The person's own click, and what Argo CD does at the cluster by itself.
_NOT_OURS = {("sign_in", "/oauth/authorize")}
_NOT_OURS_AT = {"kubernetes"}
_NUMBER = re.compile(r"(?<=/)\d+(?=/|$)")
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")


@dataclass(frozen=True, kw_only=True)
class Point:
    """A changing call as a fault can match it."""

    vendor: str
    method: str
    path: str
    operation: str = ""

    @property
    def match(self) -> Json:
        """Return the match of a fault that shows at this call."""
        wanted: Json = {"method": self.method, "path": self.path, "changes": True}
        return wanted | ({"operation": self.operation} if self.operation else {})


def point_of(vendor: str, entry: Mapping[str, Any], words: Mapping[str, str]) -> Point:
    """Return the call of a log entry, with the names of its run replaced by `words`."""
    path = entry["path"]
    for word, stands_for in words.items():
        path = path.replace(word, stands_for)
    path = _NUMBER.sub("*", _ID.sub("*", path))
    operations = [each["name"] for each in entry["operations"] or []]
    return Point(vendor=vendor, method=entry["method"], path=path, operation=operations[0] if operations else "")


def calls_made(rig: Rig, made_for: str, wanted_for: str) -> Counter[Point]:
    """Return every changing call of ours since `forget`, and how often it was made.

    All was done for the repository `made_for`; the points are those of the same calls for `wanted_for`.
    """
    was, will_be = names.parse_repository(made_for), names.parse_repository(wanted_for)
    words = {names.env_name(was): names.env_name(will_be), was.owner: will_be.owner, was.name: will_be.name}
    return Counter(
        point_of(vendor, entry, words)
        for vendor in rig.stack.sandboxes
        if vendor not in _NOT_OURS_AT
        for entry in rig.requests(vendor)
        if entry["changes"] and (vendor, entry["path"]) not in _NOT_OURS and by_a_worker(vendor, entry)
    )


def by_a_worker(vendor: str, entry: Mapping[str, Any]) -> bool:
    """Tell whether a worker made the call: what a person hands in is put into Vault by the web process."""
    return vendor != VAULT or "code" not in _fields(entry)


def _fields(entry: Mapping[str, Any]) -> Iterable[str]:
    body = entry["body"]
    data = body.get("data") if isinstance(body, dict) else None
    return data if isinstance(data, dict) else ()
