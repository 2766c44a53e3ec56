"""Writes of onboarding. Every door (page, API, command, MCP, admin) calls one of these and nothing else."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from apps.onboarding import queries
from apps.onboarding.models import Onboarding
from apps.onboarding.states import OVER, SIGN_IN_STEPS, Status, StepView, summary
from apps.onboarding.words import Ask
from apps.onboarding.workflow import ONBOARDING
from apps.projects import queries as project_queries
from apps.projects import services as projects
from apps.projects.credentials import queries as credential_queries
from apps.projects.credentials import services as credentials
from apps.projects.models import ProjectStatus
from meshsix.durable import services as durable
from meshsix.durable.models import Run, StepRow
from meshsix.durable.states import StepState, WrongState
from meshsix.kit import clock, ids, names
from meshsix.kit.actor import Actor


class AlreadyOnboarding(Exception):  # noqa: N818 - reads as a word of the domain
    """The repository has an unfinished onboarding: `run_id`."""

    def __init__(self, run_id: UUID) -> None:
        super().__init__(f"An onboarding of this repository is under way: {run_id}.")
        self.run_id = run_id


class NotNow(Exception):  # noqa: N818 - reads as a word of the domain
    """What was asked does not fit what the onboarding is doing; the message says why and what would."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@transaction.atomic
def start_onboarding(ask: Ask, *, actor: Actor) -> Onboarding:
    """Start an onboarding. Raises AlreadyOnboarding; a unique index decides, not a look."""
    try:
        run = durable.start(ONBOARDING, key=names.run_key(ask.repository), ask=ask, actor=actor, run_id=ids.new_id())
    except durable.AlreadyRunning as error:
        raise AlreadyOnboarding(error.run_id) from error
    return Onboarding.objects.get(pk=run.pk)


def follow(run: Run, step: StepRow | None) -> None:  # noqa: ARG001 - the engine's observer takes both
    """Bring the row of `onboarding_runs` in line with the engine's run, in the engine's own transaction.

    The row is locked before the steps are read, so that of two steps that end at once the later one sees both.
    """
    known = Onboarding.objects.select_for_update().filter(pk=run.pk).first() is not None
    steps = list(run.steps.order_by("position"))
    seen = summary(run.state, [StepView(name=row.name, phase=row.phase, state=row.state) for row in steps])
    facts = _sign_in_facts(steps)
    values: dict[str, Any] = {
        "status": seen.status,
        "current_phase": seen.current_phase,
        "current_activities": list(seen.current_activities),
        "completed_activities": list(seen.completed_activities),
        "progress": seen.progress,
        "oauth_device_url": facts.get("url", ""),
        "oauth_user_code": facts.get("user_code", ""),
        "error_code": run.error_code,
        "error_hint": run.error_hint,
        "updated_at": clock.now(),
        "completed_at": run.finished_at,
    }
    if known:
        Onboarding.objects.filter(pk=run.pk).update(**values)
    else:
        Onboarding.objects.create(run=run, **_asked(run), **values)
    if seen.status is Status.COMPLETED:
        _mark_active(run)


def _sign_in_facts(steps: Iterable[StepRow]) -> dict[str, str]:
    waiting = (row for row in steps if row.name in SIGN_IN_STEPS and row.state == StepState.WAITING)
    facts: dict[str, str] = next((row.wait_asked.get("facts", {}) for row in waiting), {})
    return facts


def _asked(run: Run) -> dict[str, Any]:
    named = {name: run.ask[name] for name in ("repo_owner", "repo_name", "display_name", "execution_mode")}
    return named | {"requested_by": run.actor.get("name", ""), "created_at": run.created_at}


def _mark_active(run: Run) -> None:
    repository = names.RepositoryName(owner=run.ask["repo_owner"], name=run.ask["repo_name"])
    project = project_queries.by_name(repository)
    if project is not None:
        projects.set_status(project.pk, ProjectStatus.ACTIVE)


def cancel(run_id: UUID, *, actor: Actor) -> None:
    """Cancel an unfinished onboarding; what was made stays and is adopted by the next one. Raises NotNow.

    The sign-in ends first, in the same transaction: whoever hands in a code locks the two in this order as well.
    """
    with _translated("not_cancellable"), transaction.atomic():
        credentials.cancel_of(run_id, actor=actor)
        durable.cancel(run_id, actor)


def resume(run_id: UUID, *, actor: Actor) -> None:
    """Go on from the failed step. Raises NotNow, AlreadyOnboarding."""
    with _translated("not_resumable"):
        durable.resume(run_id, actor)


def rerun(run_id: UUID, step: str, *, actor: Actor) -> None:
    """Do `step` and all that depends on it again. Raises NotNow, AlreadyOnboarding."""
    with _translated("not_rerunnable"):
        durable.rerun(run_id, step, actor)


@contextmanager
def _translated(code: str) -> Iterator[None]:
    try:
        yield
    except durable.AlreadyRunning as error:
        raise AlreadyOnboarding(error.run_id) from error
    except WrongState as error:
        raise NotNow(code, str(error)) from error
    except StepRow.DoesNotExist as error:
        raise NotNow("no_such_step", "The onboarding has no step of that name.") from error


def choose_board(run_id: UUID, number: int, *, actor: Actor) -> None:
    """Answer which of several boards is to be adopted. Raises NotNow where nothing waits for it.

    One answer a wait: a second click must not be kept for a later re-run, which asks anew.
    """
    step = queries.waiting_step(run_id, f"choose-board:{run_id}")
    if step is None or step.wait_since is None:
        raise NotNow("no_choice_open", "This onboarding does not wait for the choice of a board.")
    answer_id = f"{step.wait_name}:{step.wait_since.isoformat()}"
    durable.answer(name=step.wait_name, answer_id=answer_id, payload={"board": number}, actor=actor)


def submit_code(run_id: UUID, code: str, *, actor: Actor) -> None:
    """Hand in the code (or `code#state`) of the open sign-in.

    Raises NotNow where none is open, and `credentials.BadCode` where the code cannot be right.
    """
    credentials.submit_code(_open_login(run_id), code, actor=actor)


def submit_token(
    run_id: UUID, *, access_token: str, refresh_token: str = "", expires_at: datetime | None = None, actor: Actor
) -> None:
    """Hand in a token or key instead of a code. Raises like `submit_code`."""
    credentials.submit_token(
        _open_login(run_id), access_token=access_token, refresh_token=refresh_token, expires_at=expires_at, actor=actor
    )


def decline(run_id: UUID, *, actor: Actor) -> None:
    """Decline to sign in; the onboarding stops with a hint. Raises NotNow."""
    credentials.decline(_open_login(run_id), actor=actor)


def sign_in_again(run_id: UUID, *, actor: Actor) -> None:
    """Start the sign-in anew with a fresh address. Raises NotNow."""
    credentials.renew_link(_open_login(run_id), actor=actor)


def _open_login(run_id: UUID) -> UUID:
    login = credential_queries.waiting_login(run_id)
    if login is None or Onboarding.objects.filter(pk=run_id, status__in=OVER).exists():
        raise NotNow("no_sign_in_open", "This onboarding does not wait for a sign-in now.")
    return login.pk
