"""Shows an onboarding in a terminal: phases, steps, the sign-in address as a box; plain lines in a pipe."""

import time
from collections.abc import Callable
from datetime import timedelta

from django.db import connection
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.style import Style
from rich.table import Table
from rich.text import Text

from apps.onboarding import queries
from apps.onboarding.models import Onboarding
from apps.onboarding.queries import Detail
from apps.onboarding.states import FINISHED, SENTENCES, Status
from meshsix.durable.models import StepRow

_LOOK_EVERY = timedelta(milliseconds=250)

_SIGNS: dict[str, tuple[str, str]] = {
    "pending": ("·", "dim"),
    "ready": ("·", "cyan"),
    "running": ("▶", "cyan"),
    "retrying": ("↻", "yellow"),
    "waiting": ("…", "yellow"),
    "done": ("✓", "green"),
    "skipped": ("-", "dim"),
    "failed": ("✗", "red"),
    "cancelled": ("✗", "dim"),
}


def render(detail: Detail) -> RenderableType:
    """Return the whole picture of an onboarding."""
    row = detail.onboarding
    head = Text.assemble((row.full_name, "bold"), "  ", SENTENCES[Status(row.status)])
    parts: list[RenderableType] = [head, _phases(detail)]
    if row.oauth_device_url:
        parts.append(sign_in_box(row))
    if row.error_code:
        words = Text.assemble(row.error_hint, "\n", (row.error_code, "dim"))
        parts.append(Panel(words, title="Stopped", border_style="red"))
    return Group(*parts)


def _phases(detail: Detail) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(width=2)
    table.add_column(min_width=28)
    table.add_column(min_width=10)
    table.add_column(overflow="fold")
    for phase in detail.phases:
        bar = ProgressBar(total=len(phase.steps), completed=phase.done, width=16)
        table.add_row("", Text(phase.title, style="bold"), f"{phase.done} of {len(phase.steps)}", bar)
        for step in phase.steps:
            sign, style = _SIGNS[step.state]
            table.add_row(Text(sign, style=style), step.name, Text(step.state, style=style), Text(line(step)))
    return table


def line(step: StepRow) -> str:
    """Return what there is to say of a step, in one line."""
    if step.state == "skipped":
        return step.skip_reason
    if step.state == "failed":
        return f"{step.error_code}: {step.error_hint}"
    if step.state == "retrying" and step.due_at:
        return f"attempt {step.attempt} of {step.max_attempts}; goes on at {step.due_at:%H:%M:%S}"
    if step.state == "waiting" and step.wait_until:
        return f"until {step.wait_until:%Y-%m-%d %H:%M} UTC"
    if step.started_at and step.finished_at:
        return f"{(step.finished_at - step.started_at).total_seconds():.2f} s"
    return ""


def sign_in_box(row: Onboarding) -> Panel:
    """Return the box with the address to sign in at, for a terminal; the address is a link as well."""
    words = Text(overflow="fold")
    words.append("Open this address, allow, and hand in the code you are shown:\n\n")
    words.append(row.oauth_device_url, style=Style(bold=True, link=row.oauth_device_url))
    if row.oauth_user_code:
        words.append("\n\nCode to type there: ").append(row.oauth_user_code, style="bold")
    words.append(f"\n\nmanage.py submit_oauth_code {row.pk}")
    return Panel(words, title="Sign in", border_style="yellow")


def sign_in_lines(row: Onboarding) -> str:
    """Return the same as plain lines, for a pipe: no address is ever cut."""
    lines = [f"Sign in at: {row.oauth_device_url}"]
    if row.oauth_user_code:
        lines.append(f"Code to type there: {row.oauth_user_code}")
    return "\n".join([*lines, f"Then: manage.py submit_oauth_code {row.pk}"])


def follow(row: Onboarding, console: Console, *, until: Callable[[Onboarding], bool]) -> Onboarding:
    """Show the onboarding until `until` says so; return it as it then is."""
    if console.is_terminal:
        return _follow_live(row, console, until)
    return _follow_lines(row, console, until)


def settled(row: Onboarding) -> bool:
    """Return whether nothing more happens without a person."""
    return row.status in FINISHED or row.status == Status.WAITING_AUTH


def finished(row: Onboarding) -> bool:
    """Return whether the onboarding is over."""
    return row.status in FINISHED


def _look(row: Onboarding) -> Detail:
    fresh = Onboarding.objects.get(pk=row.pk)
    return queries.detail(fresh)


def _follow_live(row: Onboarding, console: Console, until: Callable[[Onboarding], bool]) -> Onboarding:
    with Live(console=console, refresh_per_second=8) as live:
        while True:
            detail = _look(row)
            live.update(render(detail))
            if until(detail.onboarding):
                return detail.onboarding
            _pause()


def _follow_lines(row: Onboarding, console: Console, until: Callable[[Onboarding], bool]) -> Onboarding:
    told: dict[str, str] = {}
    while True:
        detail = _look(row)
        for step in detail.steps:
            if told.get(step.name) != step.state and step.state not in {"pending", "ready"}:
                told[step.name] = step.state
                console.print(f"{step.phase}  {step.name}  {step.state}  {line(step)}".rstrip(), markup=False)
        if until(detail.onboarding):
            return detail.onboarding
        _pause()


def _pause() -> None:
    connection.close_if_unusable_or_obsolete()
    time.sleep(_LOOK_EVERY.total_seconds())
