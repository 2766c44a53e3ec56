"""Issues: closed, edited, and labelled or assigned so that work on them is to begin."""

from apps.projects.boards import queries as boards
from apps.projects.boards.columns import Column
from apps.projects.canonical import CanonicalEvent, JsonValue, Kind
from apps.webhooks import messages, queries
from apps.webhooks.handlers.words import Handler, Outcome, Received, Router, canonical, ignored, project_of, stamp, told
from apps.webhooks.messages import IssueMessage

EDITS = frozenset({"assigned", "edited", "labeled", "reopened", "unassigned", "unlabeled"})
UNUSED = {
    "deleted": "its card leaves the board with it, which tells it",
    "demilestoned": "milestones decide nothing here",
    "field_added": "fields of issues decide nothing here",
    "field_removed": "fields of issues decide nothing here",
    "locked": "a locked issue is worked on like any other",
    "milestoned": "milestones decide nothing here",
    "opened": "an issue begins nothing by itself: its card or a label does",
    "pinned": "where an issue is shown decides nothing here",
    "transferred": "its card leaves the board with it, which tells it",
    "typed": "types of issues decide nothing here",
    "unlocked": "a locked issue is worked on like any other",
    "unpinned": "where an issue is shown decides nothing here",
    "untyped": "types of issues decide nothing here",
}


def issues(received: Received, _: None) -> Outcome:
    """Tell what happened to an issue."""
    issue = IssueMessage.parse(received.payload)
    if received.action == "closed":
        return told(_closed(received, issue))
    if received.action not in EDITS:
        return ignored(UNUSED.get(received.action, f"unknown action {received.action or '(none)'}"), issue=issue.number)
    edited, rule = _edited(received, issue), _rule(received, issue)
    return told(edited, _new_todo(received, issue, rule)) if rule else told(edited)


def _closed(received: Received, issue: IssueMessage) -> CanonicalEvent:
    at = issue.closed_at or issue.updated_at
    facts: dict[str, JsonValue] = {
        "actor": messages.sender(received.payload).login,
        "state_reason": issue.state_reason,
        "title": issue.title,
        "url": issue.url,
    }
    return canonical(
        Kind.ISSUE_CLOSED, received, issue.number, stamp(at, received), at=at, issue=issue.number, facts=facts
    )


def _edited(received: Received, issue: IssueMessage) -> CanonicalEvent:
    what = _what(received)
    facts: dict[str, JsonValue] = {
        "actor": messages.sender(received.payload).login,
        "action": received.action,
        "changed": _changed(received),
        "what": what,
        "title": issue.title,
        "labels": issue.labels,
        "assignees": issue.assignees,
        "url": issue.url,
    }
    key = (issue.number, received.action, what, stamp(issue.updated_at, received))
    return canonical(Kind.ISSUE_EDITED, received, *key, at=issue.updated_at, issue=issue.number, facts=facts)


def _what(received: Received) -> str:
    """Return the label or login that was added or removed."""
    return messages.label(received.payload) or messages.assignee(received.payload)


def _changed(received: Received) -> tuple[str, ...]:
    if received.action == "edited":
        return messages.changed_fields(received.payload)
    if received.action == "reopened":
        return ("state",)
    return ("labels",) if "label" in received.action else ("assignees",)


def _rule(received: Received, issue: IssueMessage) -> str:
    """Return the rule by which work on the issue is to begin now, nothing where none says so.

    A label or an assignee that starts work; or the required label that its card in Todo had lacked when it came there.
    """
    if not issue.is_open or received.action not in {"labeled", "assigned"}:
        return ""
    project, what = project_of(received), _what(received).casefold()
    starts = queries.starts(project)
    if received.action == "assigned":
        return f"assigned to {_what(received)}" if what and what in starts.assignees else ""
    if what and what in starts.labels:
        return f"label {_what(received)}"
    if what not in {label.casefold() for label in queries.rules(project).required_labels}:
        return ""
    card = boards.card_of_issue(project.pk, issue.number)
    return f"required label {_what(received)}" if card is not None and card.column == Column.TODO else ""


def _new_todo(received: Received, issue: IssueMessage, rule: str) -> CanonicalEvent:
    facts: dict[str, JsonValue] = {
        "title": issue.title,
        "node_id": issue.node_id,
        "url": issue.url,
        "author": issue.author.login,
        "labels": issue.labels,
        "assignees": issue.assignees,
        "actor": messages.sender(received.payload).login,
        "rule": rule,
    }
    key = (issue.number, rule, stamp(issue.updated_at, received))
    return canonical(Kind.NEW_TODO, received, *key, at=issue.updated_at, issue=issue.number, facts=facts)


ROUTER: Router = {"issues": Handler(acts=issues)}
