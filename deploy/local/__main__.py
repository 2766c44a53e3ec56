"""The command line of the launcher: `python -m deploy.local up | demo | down | status | password | manage WORDS`."""

import argparse
import contextlib
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Sequence
from datetime import timedelta
from types import FrameType

from rich.console import Console
from rich.table import Table

from deploy.local.children import leftover, still_there, stop_leftovers
from deploy.local.demo import demonstrate
from deploy.local.errors import CannotStart
from deploy.local.kept import Kept
from deploy.local.options import BASE, Options
from deploy.local.owner import PID_FILE, pid_files
from deploy.local.servers import Place
from deploy.local.stack import Stack
from deploy.local.summary import account
from deploy.local.watch import keep_running

_DOWN_WITHIN = timedelta(seconds=60)
_GRACE = timedelta(seconds=15)
_LOG_WIDTH = 160


def up(options: Options, console: Console) -> int:
    """Run the platform until Ctrl-C."""
    with Stack(options, say=lambda word: console.print(f"[dim]·[/dim] {word}", highlight=False)) as stack:
        console.print(f"\nMesh Six is up: [bold]{stack.url}[/bold]")
        account(stack.demo_password, console)
        console.print("Ctrl-C stops it; the data stays in", str(options.data), highlight=False)
        keep_running(stack, console)
    console.print("stopped")
    return 0


def down(options: Options, console: Console) -> int:
    """Stop the platform of this data directory, however it was left."""
    place = Place(root=options.data)
    launcher = leftover(place.pid_file(PID_FILE))
    if launcher is not None:
        launcher.terminate()
        still_there([launcher], within=_DOWN_WITHIN)
    stopped = stop_leftovers(pid_files(place), grace=_GRACE)
    if launcher is None and not stopped:
        console.print("nothing runs from", str(options.data), highlight=False)
    else:
        console.print("stopped")
    return 0


def status(options: Options, console: Console) -> int:
    """Show what runs and where. Returns 1 when nothing does."""
    place = Place(root=options.data)
    running = leftover(place.pid_file(PID_FILE)) is not None
    table = Table("part", "pid", "state")
    for path in pid_files(place):
        process = leftover(path)
        table.add_row(path.stem, str(process.pid) if process else "", "running" if process else "gone")
    if not running and not table.row_count:
        console.print("nothing runs from", str(options.data), highlight=False)
        return 1
    console.print(table)
    for name, url in Kept(place.root / "stack.json").addresses.items():
        console.print(f"{name}: {url}", highlight=False)
    return 0 if running else 1


def password(options: Options, console: Console) -> int:
    """Set a new password for the demo account of a running platform and print it."""
    with Stack(options) as stack:
        account(stack.new_password(), console)
    return 0


def demo(options: Options, console: Console, *, leave: bool = False) -> int:
    """Onboard the sample repository and show it; keep running unless told to leave."""
    with Stack(options, say=lambda word: console.print(f"[dim]·[/dim] {word}", highlight=False)) as stack:
        went_well = demonstrate(stack, console)
        if not leave:
            console.print("\nCtrl-C stops it; the data stays in", str(options.data), highlight=False)
            keep_running(stack, console)
    return 0 if went_well else 1


def manage(options: Options, words: Sequence[str]) -> int:
    """Become `manage.py` with the settings of the platform that runs from this data directory. Raises CannotStart."""
    place = Place(root=options.data)
    if leftover(place.pid_file(PID_FILE)) is None or not place.environment.exists():
        raise CannotStart(f"nothing runs from {options.data}.", hint="Start it in another terminal: make up")
    own: dict[str, str] = json.loads(place.environment.read_text(encoding="utf-8"))
    os.chdir(BASE)
    os.execve(sys.executable, [sys.executable, "manage.py", *words], {**options.environ, **own})  # noqa: S606 - no shell


def _interrupt(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise KeyboardInterrupt


COMMANDS: dict[str, Callable[[Options, Console], int]] = {
    "up": up,
    "down": down,
    "status": status,
    "password": password,
}


def main(words: Sequence[str]) -> int:
    """Run one command; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m deploy.local", description="Mesh Six on one machine.")
    parser.add_argument("command", choices=(*COMMANDS, "demo", "manage"))
    parser.add_argument("--exit", action="store_true", help="demo: end when the sample is done; 0 if it went well")
    own = words[:1] if words[:1] == ["manage"] else words  # what stands behind it is for manage.py
    asked = parser.parse_args(own)
    console = Console(width=None if sys.stdout.isatty() else _LOG_WIDTH)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        _demand_git()
        return _run(asked, words[1:], Options.from_environment(os.environ), console)
    except CannotStart as error:
        console.print(error.problem, style="bold red", highlight=False, markup=False, soft_wrap=True)
        console.print(error.hint, highlight=False, markup=False, soft_wrap=True)
        return 2
    except KeyboardInterrupt:
        with contextlib.suppress(BrokenPipeError):
            console.print("stopped")
        return 130


def _run(asked: argparse.Namespace, rest: Sequence[str], options: Options, console: Console) -> int:
    if asked.command == "manage":
        return manage(options, rest)
    if asked.command == "demo":
        return demo(options, console, leave=asked.exit)
    return COMMANDS[asked.command](options, console)


def _demand_git() -> None:
    if shutil.which("git") is None:
        raise CannotStart("git is missing.", hint="Install it, for instance: apt-get install git")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
