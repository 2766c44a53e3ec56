"""Reads of onboarding, for every door."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Count, Exists, OuterRef, Prefetch, Q, QuerySet, Subquery, Window

from apps.onboarding.catalog import PROBLEMS
from apps.onboarding.links import Link, links
from apps.onboarding.models import Onboarding
from apps.onboarding.states import OVER, SIGN_IN_STEPS, Status
from apps.onboarding.workflow import ONBOARDING
from apps.projects.credentials.queries import waiting_login, waiting_logins
from apps.projects.queries import hidden_project_keys, only_project_keys
from meshsix.durable import queries as durable
from meshsix.durable.models import Attempt, StepRow
from meshsix.durable.states import StepState
from meshsix.kit import clock, names

RECENT = timedelta(hours=24)
_SHOWN = 6
_CHOICE = "choose-board:"
UNDER_WAY = f"{Status.PENDING},{Status.RUNNING},{Status.WAITING_AUTH}"


@dataclass(frozen=True, kw_only=True)
class PhaseView:
    """A phase with its steps, for people."""

    name: str
    title: str
    steps: tuple[StepRow, ...]

    @property
    def done(self) -> int:
        """Return how many of its steps are over."""
        return sum(step.state in {StepState.DONE, StepState.SKIPPED} for step in self.steps)

    @property
    def state(self) -> str:
        """Return the phase's state in one word: that of the step that matters most."""
        seen = {step.state for step in self.steps}
        for state in (StepState.FAILED, StepState.RUNNING, StepState.RETRYING, StepState.WAITING, StepState.CANCELLED):
            if state in seen:
                return state
        if seen <= {StepState.DONE, StepState.SKIPPED}:
            return StepState.DONE
        return StepState.READY if StepState.READY in seen else StepState.PENDING


@dataclass(frozen=True, kw_only=True)
class SignIn:
    """The sign-in for which a person is awaited; `note` says what went wrong with the last try."""

    method: str
    url: str
    user_code: str
    note: str
    until: datetime


@dataclass(frozen=True, kw_only=True)
class Detail:
    """An onboarding with everything that people see of it. `waits` says what it waits for, in words.

    `candidates` are the boards (number and title) of which a person must choose one.
    """

    onboarding: Onboarding
    phases: tuple[PhaseView, ...]
    links: tuple[Link, ...]
    waits: tuple[durable.Wait, ...]
    sign_in: SignIn | None
    candidates: tuple[tuple[str, str], ...]

    @property
    def steps(self) -> tuple[StepRow, ...]:
        """Return all steps in their order."""
        return tuple(step for phase in self.phases for step in phase.steps)

    @property
    def failures(self) -> tuple[durable.Wait, ...]:
        """Return what stopped the run: somebody must mend each of these."""
        return tuple(wait for wait in self.waits if wait.kind is durable.WaitKind.PERSON)

    @property
    def other_waits(self) -> tuple[durable.Wait, ...]:
        """Return the waits that neither the sign-in box nor the choice of a board shows already."""
        boxed = (SIGN_IN_STEPS if self.sign_in else frozenset()) | (
            {"create_project_board"} if self.candidates else set()
        )
        kinds = {durable.WaitKind.ANSWER, durable.WaitKind.TIME}
        return tuple(wait for wait in self.waits if wait.kind in kinds and wait.step not in boxed)


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """Some onboardings of one kind for the overview: how many there are, and the first few of them.

    `link` is the query of the list that shows exactly these.
    """

    name: str
    title: str
    none: str
    link: str
    count: int
    rows: tuple[Onboarding, ...]


def all_onboardings() -> QuerySet[Onboarding]:
    """Return every onboarding, the newest first: for the operator at the machine's own command line."""
    return Onboarding.objects.order_by("-created_at", "-run")


def onboardings(user: AbstractBaseUser | AnonymousUser) -> QuerySet[Onboarding]:
    """Return the onboardings that `user` may see, the newest first."""
    rows, only = all_onboardings(), only_project_keys(user)
    if only is not None:
        rows = rows.filter(run__key__in=[names.run_key_of(key) for key in only])
    hidden = [names.run_key_of(key) for key in hidden_project_keys(user)]
    return rows.exclude(run__key__in=hidden) if hidden else rows


def filtered(
    rows: QuerySet[Onboarding], *, status: str = "", owner: str = "", words: str = "", hours: int | None = None
) -> QuerySet[Onboarding]:
    """Return those of this status and owner, whose `owner/name` holds `words`, that changed in the last `hours`.

    Several statuses may be given, with commas between them.
    """
    if status:
        rows = rows.filter(status__in=status.split(","))
    if hours is not None:
        rows = rows.filter(updated_at__gte=clock.now() - timedelta(hours=hours))
    if owner:
        rows = rows.filter(repo_owner__iexact=owner)
    if words:
        rows = rows.filter(Q(run__key__contains=words.lower()) | Q(display_name__icontains=words))
    return rows


def bundles(rows: QuerySet[Onboarding]) -> tuple[Bundle, ...]:
    """Return what the overview shows of `rows` beside the inbox: what is under way, what stopped lately."""
    hours = int(RECENT.total_seconds() // 3600)
    moving = filtered(rows, status=UNDER_WAY)
    stopped = filtered(rows, status=Status.FAILED, hours=hours).order_by("-updated_at")
    return (
        _bundle("running", "Under way", "Nothing is under way.", f"status={UNDER_WAY}", moving),
        _bundle(
            "failed", "Stopped in the last day", "Nothing stopped.", f"status={Status.FAILED}&hours={hours}", stopped
        ),
    )


def _bundle(name: str, title: str, none: str, link: str, rows: QuerySet[Onboarding]) -> Bundle:
    found = list(rows.annotate(all_of_them=Window(Count("*")))[:_SHOWN])
    count = found[0].all_of_them if found else 0
    return Bundle(name=name, title=title, none=none, link=link, count=count, rows=tuple(found))


def latest(rows: QuerySet[Onboarding], repository: names.RepositoryName) -> Onboarding | None:
    """Return the newest onboarding of this repository among `rows`, or None."""
    return rows.filter(run__key=names.run_key(repository)).first()


def detail(onboarding: Onboarding) -> Detail:
    """Return the onboarding with its phases, steps, attempts, links and waits, in a fixed number of queries."""
    attempts = Prefetch("attempts", queryset=Attempt.objects.order_by("pk"))
    steps = list(StepRow.objects.filter(run_id=onboarding.pk).order_by("position").prefetch_related(attempts))
    phases = tuple(
        PhaseView(name=phase.name, title=phase.title, steps=tuple(step for step in steps if step.phase == phase.name))
        for phase in ONBOARDING.phases
    )
    return Detail(
        onboarding=onboarding,
        phases=phases,
        links=links({step.name: step.output or {} for step in steps}),
        waits=durable.why(onboarding.pk),
        sign_in=None if onboarding.status in OVER else sign_in(onboarding.pk),
        candidates=_candidates(steps),
    )


def sign_in(run_id: UUID) -> SignIn | None:
    """Return the sign-in for which the run waits, or None."""
    login = waiting_login(run_id)
    if login is None:
        return None
    words = PROBLEMS.get(f"onboard:sign-in:{login.error_code.replace('_', '-')}")
    note = words.means if words else ("The provider refused what was handed in." if login.error_code else "")
    return SignIn(method=login.method, url=login.url, user_code=login.user_code, note=note, until=login.expires_at)


def _candidates(steps: Iterable[StepRow]) -> tuple[tuple[str, str], ...]:
    asked = (step for step in steps if step.state == StepState.WAITING and step.wait_name.startswith(_CHOICE))
    return candidates(next((step.wait_asked for step in asked), {}))


def candidates(asked: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return the boards (number and title) of which a step lets a person choose, by what it asked."""
    facts: dict[str, str] = asked.get("facts", {})
    return (*facts.items(), ("0", "None of them: make a new one")) if facts else ()


class PersonWanted(NamedTuple):
    """An onboarding that waits for a sign-in, a choice of boards, or both; what it does not wait for is None."""

    run_id: UUID
    status: str
    repo_owner: str
    repo_name: str
    requested_by: str
    login_method: str | None
    login_since: datetime | None
    login_until: datetime | None
    choice_asked: dict[str, Any] | None
    choice_since: datetime | None
    choice_until: datetime | None

    @property
    def full_name(self) -> str:
        """Return `owner/name`."""
        return f"{self.repo_owner}/{self.repo_name}"


def persons_wanted(rows: QuerySet[Onboarding], now: datetime) -> list[PersonWanted]:
    """Return those of `rows` that a person can help now, by one query; one that failed until it was started anew."""
    logins = waiting_logins().filter(run_id=OuterRef("run_id"), expires_at__gt=now)
    choices = StepRow.objects.filter(
        run_id=OuterRef("run_id"), state=StepState.WAITING, wait_name__startswith=_CHOICE, wait_until__gt=now
    )
    asked = {f"login_{name}": logins.values(column)[:1] for name, column in _OF_LOGINS.items()}
    asked |= {f"choice_{name}": choices.values(column)[:1] for name, column in _OF_CHOICES.items()}
    newer = Onboarding.objects.filter(run__key=OuterRef("run__key"), created_at__gt=OuterRef("created_at"))
    open_ones = rows.exclude(status__in=OVER).exclude(Exists(newer))
    found = open_ones.annotate(**{name: Subquery(values) for name, values in asked.items()})
    wanted = found.filter(Q(login_until__isnull=False) | Q(choice_until__isnull=False))
    return [PersonWanted(*row) for row in wanted.values_list(*PersonWanted._fields)]


_OF_LOGINS = {"method": "method", "since": "created_at", "until": "expires_at"}
_OF_CHOICES = {"asked": "wait_asked", "since": "wait_since", "until": "wait_until"}


def waiting_step(run_id: UUID, name: str) -> StepRow | None:
    """Return the step of the run that waits for an answer of that name, or None."""
    return StepRow.objects.filter(run_id=run_id, state=StepState.WAITING, wait_name=name).first()
