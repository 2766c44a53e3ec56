"""`manage.py agents`: who is there and what they can do."""

from typing import Any

from rich.table import Table

from apps.agents.registry.models import Agent
from apps.agents.registry.queries import agents as agent_queries
from meshsix.web.command import PlatformCommand


class Command(PlatformCommand):
    help = "List agents with their status, open tasks, capabilities and health checks."

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ANN401, ARG002 - as Django calls it
        rows = list(agent_queries.detailed())
        if self.as_json:
            self.give({"results": [_as_json(row) for row in rows]})
        elif self.console.is_terminal:
            self.console.print(_table(rows))
        else:
            for row in rows:
                facts = _as_json(row)
                capabilities = ",".join(facts["capabilities"])
                self.stdout.write(f"{row.agent_id}\t{facts['status']}\t{facts['open_tasks']}\t{capabilities}")


def _as_json(row: Agent) -> dict[str, Any]:
    facts = vars(row)
    return {
        "agent_id": row.agent_id,
        "status": facts["status_now"],
        "enabled": row.enabled,
        "open_tasks": facts["open_tasks"],
        "max_concurrency": row.max_concurrency,
        "capabilities": [each.name for each in row.capabilities.all() if each.withdrawn_at is None],
        "checks": {each.key: each.ok for each in row.checks.all()},
    }


_WORDS = {True: "ok", False: "down", None: "not checked yet"}


def _table(rows: list[Agent]) -> Table:
    table = Table("agent", "status", "tasks", "capabilities", "checks")
    for row in rows:
        facts = _as_json(row)
        checks = ", ".join(f"{key} {_WORDS[ok]}" for key, ok in facts["checks"].items())
        tasks = f"{facts['open_tasks']} of {row.max_concurrency}"
        status = facts["status"] if row.enabled else f"{facts['status']}, disabled"
        table.add_row(row.agent_id, status, tasks, ", ".join(facts["capabilities"]), checks)
    return table
