"""What comes out of deliveries: one event for one thing, filtered, whichever way and however often it is heard of."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from pytest_django import Settings

from apps.projects.canonical import CanonicalEvent, Kind, Reaction
from apps.projects.models import Hook, Project, ProjectStatus
from apps.webhooks import canonical, handling, replays
from apps.webhooks.handlers.words import Received, told
from apps.webhooks.handlers.words import canonical as made
from apps.webhooks.payloads import Fields
from apps.webhooks.states import DeliveryState
from meshsix.kit import clock
from meshsix.kit.actor import SYSTEM
from meshsix.live.models import Event
from tests import boards, deliveries
from tests.deliveries import about, heard, issue

AGGREGATE = "project:octo-org/bookmarks"


def kinds() -> list[str]:
    """Return the canonical events in the log, in order."""
    return list(Event.objects.filter(event_type__in=list(Kind)).order_by("seq").values_list("event_type", flat=True))


def test_the_same_guid_through_both_hooks_gives_one_event(repository_hook: Hook) -> None:
    other, payload = deliveries.organization_hook(), about("closed", issue=issue(closed_at="2026-01-31T12:00:00Z"))
    first = heard(repository_hook, "issues", payload, guid="72d3162e-cc78-11e3-81ab-4c9367dc0958")
    second = heard(other, "issues", payload, guid="72d3162e-cc78-11e3-81ab-4c9367dc0958")
    assert kinds() == ["issue-closed"]
    assert (first.state, second.state) == (DeliveryState.HANDLED, DeliveryState.DUPLICATE)
    assert second.project == first.project
    assert second.effects[0]["aggregate_seq"] == first.effects[0]["aggregate_seq"]
    assert not second.effects[0]["is_first"]


def test_a_delivery_knows_when_what_it_tells_happened(repository_hook: Hook) -> None:
    closed = heard(repository_hook, "issues", about("closed", issue=issue(closed_at="2026-01-31T12:00:00Z")))
    assert closed.occurred_at == datetime(2026, 1, 31, 12, tzinfo=UTC)
    replays.replay(closed.pk, actor=SYSTEM)
    handling.handle(closed.pk)
    closed.refresh_from_db()
    assert closed.occurred_at == datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert heard(repository_hook, "ping", {"zen": "x"}).occurred_at is None


def test_a_replay_of_either_changes_nothing(repository_hook: Hook) -> None:
    other, payload = deliveries.organization_hook(), about("closed", issue=issue(closed_at="2026-01-31T12:00:00Z"))
    rows = [heard(hook, "issues", payload, guid="1") for hook in (repository_hook, other)]
    before = [(row.state, row.reason, row.effects) for row in rows]
    for row in rows:
        replays.replay(row.pk, actor=SYSTEM)
    deliveries.handle_all()
    for row in rows:
        row.refresh_from_db()
    assert [(row.state, row.reason, row.effects) for row in rows] == before
    assert kinds() == ["issue-closed"]


@pytest.mark.parametrize(
    ("event", "payload", "kind", "facts"),
    [
        (
            "issues",
            about("closed", issue=issue(state_reason="completed", closed_at="2026-01-31T12:00:00Z")),
            Kind.ISSUE_CLOSED,
            {"actor": "octocat", "state_reason": "completed"},
        ),
        (
            "issues",
            about("edited", issue=issue(), changes={"title": {"from": "x"}, "body": {"from": "y"}}),
            Kind.ISSUE_EDITED,
            {"changed": ["body", "title"]},
        ),
        ("issues", about("labeled", issue=issue(), label={"name": "bug"}), Kind.ISSUE_EDITED, {"changed": ["labels"]}),
        (
            "workflow_run",
            about("completed", workflow_run={"id": 9, "head_sha": "abc", "conclusion": "failure", "run_attempt": 2}),
            Kind.CHECKS_FINISHED,
            {"sha": "abc", "conclusion": "failure", "attempt": 2},
        ),
        (
            "push",
            about("", ref="refs/heads/main", before="a", after="b", pusher={"name": "octocat"}),
            Kind.PUSHED,
            {"head_sha": "b", "actor": "octocat"},
        ),
    ],
)
def test_what_is_told(
    repository_hook: Hook, event: str, payload: deliveries.Json, kind: Kind, facts: dict[str, object]
) -> None:
    delivery = heard(repository_hook, event, payload)
    assert delivery.state == DeliveryState.HANDLED
    stored = Event.objects.get(event_type=kind)
    assert stored.aggregate_id == AGGREGATE
    assert stored.payload["source"] == "webhook"
    assert stored.payload["cause"] == f"delivery:{delivery.guid}"
    assert {name: stored.payload["facts"][name] for name in facts} == facts


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        ({"action": "opened"}, "pr-opened"),
        ({"action": "synchronize"}, "pr-updated"),
        ({"action": "closed", "merged": True}, "pr-merged"),
        ({"action": "closed"}, "pr-closed"),
    ],
)
def test_the_life_of_a_pull_request(repository_hook: Hook, payload: deliveries.Json, kind: str) -> None:
    pull = {"number": 3, "head": {"sha": "abc", "ref": "issue-7"}, "merged": payload.get("merged", False)}
    delivery = heard(repository_hook, "pull_request", about(payload["action"], pull_request=pull))
    assert (kinds(), delivery.issue) == ([kind], 3)


def test_a_review_tells_its_verdict_and_its_dismissal(repository_hook: Hook) -> None:
    pull = {"number": 3, "head": {"sha": "abc", "ref": "issue-7"}}
    review = {"id": 5, "state": "APPROVED", "user": {"login": "octocat"}, "commit_id": "abc"}
    for action in ("submitted", "dismissed"):
        heard(repository_hook, "pull_request_review", about(action, pull_request=pull, review=review))
    verdicts = [event.payload["facts"]["verdict"] for event in Event.objects.filter(event_type="pr-reviewed")]
    assert sorted(verdicts) == ["approved", "dismissed"]


@pytest.mark.parametrize(
    ("event", "payload", "reason"),
    [
        ("push", about("", ref="refs/heads/topic", after="b"), "a push to another branch than the default one"),
        ("push", about("", ref="refs/tags/v1", after="b"), "a push of a tag"),
        ("issues", about("opened", issue=issue()), "an issue begins nothing by itself: its card or a label does"),
        ("issues", about("polished", issue=issue()), "unknown action polished"),
        (
            "issues",
            about("closed", issue={"number": True}),
            "malformed: issue.number is no number from 1 to 2147483647",
        ),
        ("workflow_run", about("completed", workflow_run=[]), "malformed: workflow_run is no object"),
        (
            "check_suite",
            about("requested", check_suite={"id": 1, "head_sha": "a"}),
            "checks are told when they are over",
        ),
    ],
)
def test_why_something_is_ignored(repository_hook: Hook, event: str, payload: deliveries.Json, reason: str) -> None:
    delivery = heard(repository_hook, event, payload)
    assert (delivery.state, delivery.reason) == (DeliveryState.IGNORED, reason)


def test_a_repository_that_is_not_onboarded_or_not_any_more_is_ignored(project: Project, repository_hook: Hook) -> None:
    hook = deliveries.organization_hook()
    payload = about("closed", issue=issue()) | {"repository": deliveries.repository("octo-org/else", 99)}
    delivery = heard(hook, "issues", payload)
    assert (delivery.project, delivery.reason) == (None, "of no repository that is onboarded here")
    Project.objects.filter(pk=project.pk).update(status=ProjectStatus.OFFBOARDED)
    assert heard(repository_hook, "issues", about("closed", issue=issue())).reason == (
        "its repository was taken off the platform"
    )


def test_texts_that_postgresql_cannot_hold_are_mended(repository_hook: Hook) -> None:
    delivery = heard(repository_hook, "issues", about("closed", issue=issue(title="a\u0000b")))
    assert delivery.state == DeliveryState.HANDLED
    assert Event.objects.get(event_type=Kind.ISSUE_CLOSED).payload["facts"]["title"] == "a\ufffdb"


def labelled(name: str, *also: str, updated_at: str = "2026-01-31T12:00:00Z") -> deliveries.Json:
    labels = [{"name": each} for each in (name, *also)]
    return about("labeled", issue=issue(labels=labels, updated_at=updated_at), label={"name": name})


def test_a_label_may_begin_work_and_says_that_no_lifecycle_is_there_yet(
    repository_hook: Hook, settings: Settings
) -> None:
    settings.START_LABELS = ["Agent"]
    delivery = heard(repository_hook, "issues", labelled("agent"))
    assert kinds() == ["issue-edited", "new-todo"]
    assert (delivery.state, delivery.reason, delivery.issue) == (DeliveryState.HANDLED, "no lifecycle yet", 7)
    assert Event.objects.get(event_type="new-todo").payload["facts"]["rule"] == "label agent"
    assert "new-todo" not in str(heard(repository_hook, "issues", labelled("bug")).effects)


def test_an_assignment_may_begin_work(repository_hook: Hook, project: Project) -> None:
    Project.objects.filter(pk=project.pk).update(settings={"starts": {"assignees": ["mesh-six"]}})
    payload = about("assigned", issue=issue(), assignee={"login": "Mesh-Six"})
    heard(repository_hook, "issues", payload)
    assert "new-todo" in kinds()


def test_the_required_label_begins_work_when_it_comes_to_a_card_in_todo(
    repository_hook: Hook, project: Project, settings: Settings
) -> None:
    settings.FILTER_REQUIRED_LABELS = ["agent"]
    heard(repository_hook, "issues", labelled("agent"))
    assert kinds() == ["issue-edited"], "no card, no work"
    boards.card(project, 7)
    heard(repository_hook, "issues", labelled("agent", updated_at="2026-01-31T12:00:01Z"))
    assert kinds() == ["issue-edited", "issue-edited", "new-todo"]


def test_a_filtered_item_says_why_in_its_delivery_and_in_the_log_and_may_come_later(
    repository_hook: Hook, settings: Settings
) -> None:
    settings.START_LABELS, settings.FILTER_EXCLUDE_LABELS = ["agent"], ["wontfix"]
    delivery = heard(repository_hook, "issues", labelled("agent", "wontfix"))
    assert kinds() == ["issue-edited"]
    assert "filtered: excluded label: wontfix" in delivery.reason
    assert Event.objects.get(event_type="filtered").payload["reason"] == "excluded label: wontfix"
    settings.FILTER_EXCLUDE_LABELS = []
    replays.replay(delivery.pk, actor=SYSTEM)
    handling.handle(delivery.pk)
    assert kinds() == ["issue-edited", "new-todo"], "what was not told is told when the rules let it through"


def test_a_draft_of_another_branch_is_kept_back_whole(repository_hook: Hook, settings: Settings) -> None:
    settings.FILTER_BRANCH_PATTERNS = ["issue-*"]
    pull = {"number": 3, "head": {"sha": "abc", "ref": "topic"}, "draft": True}
    delivery = heard(repository_hook, "pull_request", about("opened", pull_request=pull))
    assert (delivery.state, kinds()) == (DeliveryState.IGNORED, [])
    assert delivery.reason == "filtered: branch topic matches none of: issue-*"


@pytest.fixture
def happened(project: Project) -> Callable[..., CanonicalEvent]:
    """Return events of the project as a handler makes them."""

    def happened(kind: Kind, *key: object) -> CanonicalEvent:
        received = Received(
            guid="g",
            event="x",
            action="",
            hook=None,
            project=project,
            received_at=clock.now(),
            payload=Fields(data={}),
        )
        return told(made(kind, received, *key, at=None)).events[0]

    return happened


def test_reactions_of_several_apps_are_asked_once(happened: Callable[..., CanonicalEvent]) -> None:
    seen: list[str] = []

    def react(event: CanonicalEvent) -> Reaction:
        seen.append(event.key)
        return Reaction(words="done")

    event = happened(Kind.PUSHED, "a")
    routers = ({Kind.PUSHED: react}, {Kind.PR_MERGED: react}, {Kind.PUSHED: react})
    first, again = canonical.emit([event, event], routers=routers)
    assert (first.is_new, len(first.reactions)) == (True, 2)
    assert (again.is_new, again.reactions, again.aggregate_seq) == (False, (), first.aggregate_seq)
    assert len(seen) == 2


def test_a_reaction_that_raises_leaves_nothing(happened: Callable[..., CanonicalEvent]) -> None:
    def react(event: CanonicalEvent) -> Reaction:
        raise ValueError(event.kind)

    with pytest.raises(ValueError, match="pushed"):
        canonical.emit([happened(Kind.PR_MERGED), happened(Kind.PUSHED)], routers=({Kind.PUSHED: react},))
    assert kinds() == []


def test_deliveries_of_no_project_have_an_aggregate_of_their_own(repository_hook: Hook) -> None:
    delivery = heard(deliveries.organization_hook(repository_hook.owner), "star", {"action": "created"})
    assert delivery.project is None
    assert Event.objects.filter(aggregate_id="deliveries:-", event_type="delivery-ignored").count() == 1
