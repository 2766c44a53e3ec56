"""Lists as GraphQL pages them: by cursor, at most 100 nodes at a time."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from deploy.sandbox.github.graph.eyes import Eyes
from deploy.sandbox.github.problems import GraphProblem
from deploy.sandbox.github.records import Project

MOST = 100


@dataclass(frozen=True)
class Connection:
    """One page of a list, as GraphQL pages: by cursor, at most 100 nodes."""

    total_count: int
    nodes: Sequence[Any]
    edges: Sequence[Any]
    page_info: Any


@dataclass(frozen=True)
class Edge:
    """A node and its cursor."""

    cursor: str
    node: Any


@dataclass(frozen=True)
class PageInfo:
    """Where a page begins and ends."""

    start_cursor: str | None
    end_cursor: str | None
    has_next_page: bool
    has_previous_page: bool


def _cursor(place: int) -> str:
    return base64.b64encode(f"cursor:v2:{place}".encode()).decode()


def _place(cursor: str) -> int:
    try:
        return int(base64.b64decode(cursor).decode().rpartition(":")[2])
    except ValueError:
        raise GraphProblem("INVALID_CURSOR_ARGUMENTS", f"`{cursor}` does not appear to be a valid cursor.") from None


def connect(name: str, entries: Sequence[Any], args: dict[str, Any]) -> Connection:
    """Return the page of `entries` that first, last, after and before ask for."""
    first, last = args.get("first"), args.get("last")
    size = first if first is not None else last
    if size is None:
        raise GraphProblem(
            "MISSING_PAGINATION_BOUNDARIES",
            f"You must provide a `first` or `last` value to properly paginate the `{name}` connection.",
        )
    if not 0 <= size <= MOST:
        raise GraphProblem(
            "EXCESSIVE_PAGINATION",
            f"Requesting {size} records on the `{name}` connection exceeds the `first` limit of {MOST} records.",
        )
    start = _place(args["after"]) if args.get("after") else 0
    end = _place(args["before"]) - 1 if args.get("before") else len(entries)
    if first is not None:
        end = min(end, start + first)
    else:
        start = max(start, end - size)
    shown = [
        Edge(cursor=_cursor(place + 1), node=entries[place])
        for place in range(start, max(end, start))
        if place < len(entries)
    ]
    info = PageInfo(
        start_cursor=shown[0].cursor if shown else None,
        end_cursor=shown[-1].cursor if shown else None,
        has_next_page=end < len(entries),
        has_previous_page=start > 0,
    )
    return Connection(total_count=len(entries), nodes=[each.node for each in shown], edges=shown, page_info=info)


def connect_boards(eyes: Eyes, found: Sequence[Project], args: dict[str, Any]) -> Connection:
    """Return a page of the boards that the caller sees; `is:open` and words of the title may narrow them."""
    words = (args.get("query") or "").lower().split()
    plain = [word for word in words if ":" not in word]
    seen = [each for each in found if eyes.sees_board(each) and all(word in each.title.lower() for word in plain)]
    if "is:open" in words:
        seen = [each for each in seen if not each.closed]
    order = args.get("order_by") or {"field": "NUMBER", "direction": "DESC"}
    key = {"TITLE": "title", "CREATED_AT": "created_at", "UPDATED_AT": "updated_at"}.get(order["field"], "number")
    seen.sort(key=lambda each: getattr(each, key), reverse=order["direction"] == "DESC")
    return connect("projectsV2", eyes.nodes(seen), args)
