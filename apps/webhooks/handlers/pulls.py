"""Pull requests, their reviews and their checks; pushes to the default branch."""

from datetime import datetime

from apps.projects.canonical import CanonicalEvent, JsonValue, Kind
from apps.webhooks import messages
from apps.webhooks.handlers.words import Handler, Outcome, Received, Router, canonical, ignored, stamp, told
from apps.webhooks.messages import ChecksMessage, PullRequestMessage, PushMessage, RepositoryMessage, ReviewMessage

UPDATES = frozenset({"converted_to_draft", "edited", "ready_for_review", "reopened", "synchronize"})
ACTIONS = "github-actions"
UNUSED = {
    "assigned": "who is assigned to a pull request decides nothing here",
    "auto_merge_disabled": "the merge itself is told when it happens",
    "auto_merge_enabled": "the merge itself is told when it happens",
    "demilestoned": "milestones decide nothing here",
    "dequeued": "the merge itself is told when it happens",
    "enqueued": "the merge itself is told when it happens",
    "labeled": "labels of pull requests decide nothing here",
    "locked": "a locked pull request is worked on like any other",
    "milestoned": "milestones decide nothing here",
    "review_request_removed": "the review itself is told when it comes",
    "review_requested": "the review itself is told when it comes",
    "unassigned": "who is assigned to a pull request decides nothing here",
    "unlabeled": "labels of pull requests decide nothing here",
    "unlocked": "a locked pull request is worked on like any other",
}


def pull_requests(received: Received, _: None) -> Outcome:
    """Tell what happened to a pull request."""
    pull = PullRequestMessage.parse(received.payload)
    if received.action == "opened":
        return told(_of(Kind.PR_OPENED, received, pull, pull.number, at=pull.updated_at))
    if received.action == "closed" and pull.merged:
        return told(_of(Kind.PR_MERGED, received, pull, pull.number, at=pull.closed_at))
    if received.action == "closed":
        at = pull.closed_at or pull.updated_at
        return told(_of(Kind.PR_CLOSED, received, pull, pull.number, stamp(at, received), at=at))
    if received.action in UPDATES:
        key = (pull.number, received.action, pull.head_sha, stamp(pull.updated_at, received))
        return told(_of(Kind.PR_UPDATED, received, pull, *key, at=pull.updated_at))
    return ignored(UNUSED.get(received.action, f"unknown action {received.action or '(none)'}"), issue=pull.number)


def reviews(received: Received, _: None) -> Outcome:
    """Tell a review, and that one was dismissed."""
    pull, review = PullRequestMessage.parse(received.payload), ReviewMessage.parse(received.payload)
    if received.action not in {"dismissed", "submitted"}:
        edited = received.action == "edited"
        why = "its verdict is as it was" if edited else f"unknown action {received.action or '(none)'}"
        return ignored(why, issue=pull.number)
    verdict = "dismissed" if received.action == "dismissed" else review.verdict
    facts: dict[str, JsonValue] = {
        "verdict": verdict,
        "author": review.author.login,
        "association": review.association,
        "body": review.body,
        "review_id": review.id,
        "reviewed_sha": review.head_sha,
        "url": review.url,
    }
    return told(_of(Kind.PR_REVIEWED, received, pull, review.id, verdict, at=review.submitted_at, facts=facts))


def _of(
    kind: Kind,
    received: Received,
    pull: PullRequestMessage,
    *key: object,
    at: datetime | None,
    facts: dict[str, JsonValue] | None = None,
) -> CanonicalEvent:
    common: dict[str, JsonValue] = {
        "number": pull.number,
        "head_sha": pull.head_sha,
        "branch": pull.branch,
        "base": pull.base,
        "draft": pull.draft,
        "title": pull.title,
        "url": pull.url,
        "author": pull.author.login,
        "action": received.action,
        "actor": messages.sender(received.payload).login,
        "merge_sha": pull.merge_sha if kind is Kind.PR_MERGED else "",
    }
    return canonical(kind, received, *key, at=at, issue=pull.number, facts=common | (facts or {}))


def check_suites(received: Received, _: None) -> Outcome:
    """Tell that an app's checks of a commit are over."""
    suite = ChecksMessage.suite(received.payload)
    if received.action != "completed":
        return ignored("checks are told when they are over")
    if suite.app == ACTIONS:
        return ignored("the workflow's own event tells it")
    return told(_finished(received, suite, "suite", suite.id, suite.conclusion, stamp(suite.updated_at, received)))


def workflow_runs(received: Received, _: None) -> Outcome:
    """Tell that a workflow's run is over."""
    run = ChecksMessage.run(received.payload)
    if received.action != "completed":
        return ignored("workflows are told when they are over")
    return told(_finished(received, run, "run", run.id, run.attempt, run.conclusion))


def _finished(received: Received, checks: ChecksMessage, *key: object) -> CanonicalEvent:
    facts: dict[str, JsonValue] = {
        "sha": checks.head_sha,
        "conclusion": checks.conclusion,
        "link": checks.url,
        "name": checks.name,
        "branch": checks.branch,
        "attempt": checks.attempt,
    }
    return canonical(Kind.CHECKS_FINISHED, received, *key, at=checks.updated_at, facts=facts)


def pushes(received: Received, _: None) -> Outcome:
    """Tell a push to the default branch."""
    push, repository = PushMessage.parse(received.payload), RepositoryMessage.parse(received.payload)
    if not push.branch:
        return ignored("a push of a tag")
    if push.branch != repository.default_branch:
        return ignored("a push to another branch than the default one")
    if push.deleted:
        return ignored("the default branch was deleted")
    facts: dict[str, JsonValue] = {
        "head_sha": push.after,
        "before": push.before,
        "branch": push.branch,
        "forced": push.forced,
        "actor": push.pusher,
    }
    key = (push.before, push.after, stamp(repository.pushed_at, received))
    return told(canonical(Kind.PUSHED, received, *key, at=repository.pushed_at, facts=facts))


ROUTER: Router = {
    "pull_request": Handler(acts=pull_requests),
    "pull_request_review": Handler(acts=reviews),
    "check_suite": Handler(acts=check_suites),
    "workflow_run": Handler(acts=workflow_runs),
    "push": Handler(acts=pushes),
}
