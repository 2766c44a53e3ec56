"""`manage.py dispatch CAPABILITY JSON [--wait]`: ask for a task, and wait for its end."""

import json
import sys
import time
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import connection

from apps.agents.registry.models import Task
from apps.agents.registry.services import submission
from apps.agents.registry.states import ENDED, TaskState
from apps.agents.registry.words import Request
from meshsix.web.command import Exit, PlatformCommand

_LOOK_EVERY_SECONDS = 0.2
_ENDS = {TaskState.COMPLETED: Exit.DONE, TaskState.AWAITING_APPROVAL: Exit.WAITS}


class Command(PlatformCommand):
    help = "Ask for a task by capability; JSON is its payload, `-` reads it from stdin."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("capability")
        parser.add_argument("payload", metavar="JSON")
        parser.add_argument("--project", default="", metavar="OWNER/REPO")
        parser.add_argument("--priority", type=int, default=5)
        parser.add_argument("--timeout-seconds", type=int)
        parser.add_argument("--agent", action="append", default=[], help="Only this agent; may be given again.")
        parser.add_argument("--wait", action="store_true", help="Wait until it ends or waits for a person.")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ANN401, ARG002 - as Django calls it
        request = Request(
            capability=options["capability"],
            payload=_payload(options["payload"]),
            project=options["project"],
            priority=options["priority"],
            timeout_seconds=options["timeout_seconds"],
            allowed_agents=tuple(options["agent"]),
        )
        try:
            task = submission.submit(request, actor=self.actor(options["as_user"])).task
        except submission.Invalid as error:
            raise CommandError(str(error), returncode=Exit.USAGE) from error
        if options["wait"]:
            task = _ended(task)
        self._tell(task)
        sys.exit(_ENDS.get(TaskState(task.status), Exit.FAILED) if options["wait"] else Exit.DONE)

    def _tell(self, task: Task) -> None:
        facts = {
            "task_id": str(task.task_id),
            "status": task.status,
            "dispatched_to": task.dispatched_to or None,
            "wait_reason": task.wait_reason,
            "result": task.result,
            "error": task.error,
        }
        if self.as_json:
            self.give(facts)
            return
        self.console.print(f"Task {task.task_id}: {task.status} {task.dispatched_to}".rstrip(), markup=False)
        for name in ("wait_reason", "result", "error"):
            if facts[name]:
                self.console.print(f"{name}: {json.dumps(facts[name], ensure_ascii=False, indent=2)}", markup=False)


def _payload(text: str) -> dict[str, Any]:
    try:
        payload = json.loads(sys.stdin.read() if text == "-" else text)
    except ValueError as error:
        raise CommandError(f"The payload is not JSON: {error}", returncode=Exit.USAGE) from error
    if not isinstance(payload, dict):
        raise CommandError("The payload must be a JSON object.", returncode=Exit.USAGE)
    return payload


def _ended(task: Task) -> Task:
    """Return the task once it has ended or waits for a person; each has a deadline, so this ends too."""
    while task.status not in (*ENDED, TaskState.AWAITING_APPROVAL):
        time.sleep(_LOOK_EVERY_SECONDS)
        connection.close_if_unusable_or_obsolete()
        task.refresh_from_db()
    return task
