"""What the demo says when it is over: what was made, where it is, what to look at."""

from collections.abc import Iterator
from datetime import timedelta

from rich.console import Console
from rich.table import Table

from deploy.local.api import Onboarding
from deploy.local.stack import Stack


def account(password: str | None, console: Console) -> None:
    """Print the sign-in, the password only on the one occasion when it was made."""
    if password:
        words = f"Sign in as [bold]demo[/bold] with [bold]{password}[/bold] (shown this once)"
    else:
        words = "Sign in as [bold]demo[/bold]; `python -m deploy.local password` sets a new password"
    console.print(words, highlight=False)


def summary(stack: Stack, run: Onboarding, console: Console, *, took: timedelta) -> None:
    """Print the table and what to look at, or what went wrong."""
    table = Table("what", "where", title=f"{run.repository}: {run.status_text} ({took.total_seconds():.1f} s)")
    table.title_justify = "left"
    table.columns[1].overflow = "fold"
    for what, where in _made(run):
        table.add_row(what, where)
    console.print(table)
    failed = [step for step in run.steps if step.state == "failed"]
    for step in failed:
        sentence = " ".join(word for word in (step.error_hint, step.error_detail) if word)
        console.print(f"{step.name} failed: {step.error_code}: {sentence}", style="red", markup=False, soft_wrap=True)
    if run.status == "completed":
        _look_at(stack, run, console)
    elif not failed:
        console.print(f"It is not done: {run.status}. Look at {stack.place.logs}", style="red", highlight=False)


def _made(run: Onboarding) -> Iterator[tuple[str, str]]:
    board, hooks = run.output("create_project_board"), run.output("register_webhook")
    if board:
        yield "board", f"{board['title']} (number {board['number']}) {board['url']}"
    if hooks:
        organization = hooks.get("organization_hook_id")
        also = f" and organization hook {organization}" if organization else ""
        yield "webhook", f"repository hook {hooks['repository_hook_id']}{also}, verified by a signed ping"
    if kept := run.output("register_webhook_secret"):
        yield "secret", f"{kept['path']} in the vault (version {kept['version']})"
    if made := run.output("scaffold_devcontainer"):
        yield "devcontainer", f"{made['outcome']}: {made['url'] or made['path']}"
    if row := run.output("register_in_database"):
        yield "registry row", f"project {row['project_id']}, environment {row['env_name']}"
    if signed := run.output("store_claude_credentials"):
        yield "credential", f"{signed['kind']}, proven: {'yes' if signed['proven'] else 'no'}"
    if team := run.output("configure_litellm"):
        yield "model budget", f"team {team['team_id']}, {team['max_budget']} USD a month"


def _look_at(stack: Stack, run: Onboarding, console: Console) -> None:
    console.print("\nLook at", style="bold")
    console.print(f"  the run, step by step   {stack.url}{run.url}", highlight=False)
    for title, url in run.links:
        if url:
            console.print(f"  {title.lower():<23} {url}", highlight=False)
    for name in ("ntfy",):
        if name in stack.sandboxes:
            console.print(f"  the notices             {stack.sandboxes[name]}", highlight=False)
    console.print(f"  what the processes say  {stack.place.logs}", highlight=False)
