"""The demo's progress: three phases side by side in a terminal, one line a change elsewhere."""

from collections.abc import Sequence
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from deploy.local.api import Onboarding, Step

PHASES = {
    "initialization": "1 Board, hook, registry",
    "dev_environment": "2 Development environment",
    "auth_settings": "3 Sign-in and settings",
}
_LOOKS = {
    "pending": ("·", "dim"),
    "ready": ("○", "cyan"),
    "running": ("▶", "cyan"),
    "retrying": ("↻", "yellow"),
    "waiting": ("…", "yellow"),
    "done": ("✓", "green"),
    "skipped": ("-", "dim"),
    "failed": ("✗", "bold red"),
    "cancelled": ("✗", "red"),
}


class Progress(Protocol):
    """Something that shows an onboarding as it goes."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def show(self, run: Onboarding) -> None:
        """Show where it stands now."""

    def tell(self, sentence: str) -> None:
        """Say what just happened beside it."""


class LiveProgress:
    """A picture that renews itself in place."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, refresh_per_second=10, transient=False)
        self._notes: list[str] = []

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def show(self, run: Onboarding) -> None:
        """Draw the three phases and, while it waits, the sign-in box."""
        self._live.update(picture(run, self._notes), refresh=True)

    def tell(self, sentence: str) -> None:
        """Keep the sentence below the picture."""
        self._notes.append(sentence)


class PlainProgress:
    """One line for each change, for logs."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._seen: dict[str, tuple[str, int]] = {}
        self._status = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return

    def show(self, run: Onboarding) -> None:
        """Print what changed since the last time."""
        for step in run.steps:
            now = (step.state, step.attempt)
            if step.state != "ready" and self._seen.get(step.name, ("pending", 0)) != now:
                self._line(f"{step.phase:<16} {step.name:<26} {step.state}{_facts(step)}")
            self._seen[step.name] = now
        if run.status != self._status:
            self._status = run.status
            self._line(f"{run.repository}: {run.status_text}")
            if run.status == "waiting_auth" and run.sign_in_address:
                self._line(f"sign in at {run.sign_in_address.partition('?')[0]}")

    def tell(self, sentence: str) -> None:
        """Print it."""
        self._line(sentence)

    def _line(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)


def picture(run: Onboarding, notes: Sequence[str]) -> RenderableType:
    """Return the whole picture of a run: three phases side by side, below them the sign-in while it is open."""
    phases = Table.grid(expand=True, padding=(0, 0))
    for _ in PHASES:
        phases.add_column(ratio=1)
    phases.add_row(*(_phase(title, [s for s in run.steps if s.phase == name]) for name, title in PHASES.items()))
    parts: list[RenderableType] = [Text(f"{run.repository}: {run.status_text}", style="bold"), phases]
    if run.status == "waiting_auth" and run.sign_in_address:
        parts.append(Panel(Text(run.sign_in_address, overflow="fold"), title="Sign in here", border_style="yellow"))
    parts += [Text(note, style="dim") for note in notes]
    return Group(*parts)


def _phase(title: str, steps: Sequence[Step]) -> Panel:
    table = Table.grid(padding=(0, 1))
    table.add_column()
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, overflow="ellipsis")
    for step in steps:
        sign, style = _LOOKS.get(step.state, ("?", ""))
        table.add_row(Text(sign, style=style), Text(step.name, style=style), Text(_short_facts(step), style="dim"))
    over = sum(step.state in ("done", "skipped") for step in steps)
    title = f"{title} {over}/{len(steps)}"
    return Panel(table, title=title, title_align="left", border_style="green" if over == len(steps) else "cyan")


def _short_facts(step: Step) -> str:
    words = [f"attempt {step.attempt} of {step.max_attempts}"] if step.attempt > 1 else []
    words += [step.error_code] if step.error_code else []
    words += ["skipped"] if step.state == "skipped" else []
    return ", ".join(words)


def _facts(step: Step) -> str:
    words = []
    if step.attempt > 1:
        words.append(f"attempt {step.attempt} of {step.max_attempts}")
    words += [word for word in (step.error_code, step.skip_reason) if word]
    return f" ({', '.join(words)})" if words else ""
