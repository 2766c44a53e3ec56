"""`manage.py why TASK [AGENT]`: why a task went to whom it went."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser

from apps.agents.registry.models import Task
from apps.agents.registry.queries.why import Explanation, why
from meshsix.web.command import Exit, PlatformCommand


class Command(PlatformCommand):
    help = "Say why a task went to whom it went, or why it waits; for all candidates or for one agent."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("task", metavar="TASK", type=UUID)
        parser.add_argument("agent", nargs="?", default="", metavar="AGENT")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ANN401, ARG002 - as Django calls it
        task = Task.objects.filter(pk=options["task"]).first()
        if task is None:
            raise CommandError(f"There is no task {options['task']}.", returncode=Exit.USAGE)
        told = why(task, agent_id=options["agent"])
        if self.as_json:
            decisions = [asdict(each) for each in told]
            self.give({"task_id": str(task.task_id), "status": task.status, "dispatches": decisions})
            return
        for each in told:
            self._print(each)
        if not told:
            self.console.print("No decision has been made about it yet.", markup=False)

    def _print(self, told: Explanation) -> None:
        head = f"attempt {told.attempt}: {told.chosen_agent}" if told.attempt else told.chosen_agent or "nobody"
        self.console.print(f"{told.created_at:%H:%M:%S}  {head}  ({told.reason})", markup=False)
        for each in told.agents:
            score = "-" if each.score is None else f"{each.score:.6f}"
            mark = "*" if each.chosen else " "
            self.console.print(f"  {mark} {score}  {each.agent_id}  {each.reason}", markup=False)
