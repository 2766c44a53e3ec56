"""How a project stands: hook, board, environment, each as a light with its words. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from apps.projects.boards.models import BoardWatch
from apps.projects.models import Environment, Hook, Project


class Light(StrEnum):
    """The states of a badge (meshsix/web/README.md)."""

    OK = "ok"
    WAIT = "wait"
    BAD = "bad"
    SKIPPED = "skipped"


@dataclass(frozen=True, kw_only=True)
class Standing:
    """One light: `words` say what it means, `since` when it was last proven, `detail` what went wrong."""

    light: Light
    words: str
    since: datetime | None = None
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class Health:
    """How a project stands; `last_event_at` is when anything happened to it for the last time."""

    hook: Standing
    board: Standing
    environment: Standing
    last_event_at: datetime | None = None


NO_HOOK = Standing(light=Light.WAIT, words="not there yet")
UNPROVEN_HOOK = Standing(light=Light.WAIT, words="waits for its first ping")
NO_BOARD = Standing(light=Light.WAIT, words="not there yet")
UNREAD_BOARD = Standing(light=Light.WAIT, words="not read yet")
ON_THIS_MACHINE = Standing(light=Light.SKIPPED, words="on this machine")
SILENT = Standing(light=Light.WAIT, words="has not said hello yet")


def hook(hooks: Sequence[Hook]) -> Standing:
    """Return how the hooks of a project stand: the one of its repository, and its organization's for the board."""
    if not hooks:
        return NO_HOOK
    proven = [each.verified_at for each in hooks if each.verified_at is not None]
    if len(proven) < len(hooks):
        return UNPROVEN_HOOK
    return Standing(light=Light.OK, words="verified", since=max(proven))


def board(project: Project, watch: BoardWatch | None) -> Standing:
    """Return how far the mirror of the board can be believed."""
    if not project.board_id:
        return NO_BOARD
    if watch is not None and watch.failures:
        return Standing(light=Light.BAD, words="cannot be read", since=watch.polled_at, detail=watch.error)
    if watch is None or watch.polled_at is None:
        return UNREAD_BOARD
    return Standing(light=Light.OK, words="mirrored", since=watch.polled_at)


def environment(project: Project, environment: Environment | None) -> Standing:
    """Return whether the runner of the project's environment (in mode `shared` that of all) has been heard of."""
    if project.execution_mode == "local":
        return ON_THIS_MACHINE
    if environment is None or environment.said_hello_at is None:
        return SILENT
    return Standing(light=Light.OK, words="said hello", since=environment.said_hello_at)
