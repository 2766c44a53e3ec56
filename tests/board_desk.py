"""A project with a real board at a sandbox GitHub, people who move its cards there, and the platform's clients."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from django.db import transaction

from apps.onboarding.steps.board import create_project_board
from apps.onboarding.words import BoardWanted
from apps.projects.boards import services
from apps.projects.boards.models import BoardCard
from apps.projects.boards.observing import Sighting
from apps.projects.canonical import CanonicalEvent, Source
from apps.projects.models import Project
from deploy.local.servers import Valkey
from meshsix.durable.definition import StepFacts
from meshsix.integrations.github.budget import connect
from meshsix.kit import clock
from meshsix.wiring import Clients
from tests import boards
from tests.github_bench import Bench, with_github
from tests.sandbox_github import Sandbox, running_sandbox

DRAFT = """mutation($board: ID!) {
  addProjectV2DraftIssue(input: {projectId: $board, title: "An idea"}) { projectItem { id } } }"""
ARCHIVE = "mutation($b: ID!, $i: ID!) { archiveProjectV2Item(input: {projectId: $b, itemId: $i}) { item { id } } }"
RESTORE = "mutation($b: ID!, $i: ID!) { unarchiveProjectV2Item(input: {projectId: $b, itemId: $i}) { item { id } } }"
TAKE_OFF = "mutation($b: ID!, $i: ID!) { deleteProjectV2Item(input: {projectId: $b, itemId: $i}) { deletedItemId } }"


@dataclass(frozen=True, kw_only=True)
class Desk:
    """The project, and what people do at GitHub."""

    sandbox: Sandbox
    clients: Clients
    project: Project

    def issue(self, title: str = "An issue", repository: str = "octo-org/bookmarks", **facts: object) -> int:
        """Open an issue; return its number."""
        return int(self.sandbox.rest("POST", f"/repos/{repository}/issues", {"title": title, **facts})["number"])

    def move(self, issue: int, column: str, repository: str = "octo-org/bookmarks") -> str:
        """Let a person move the card of an issue, put on the board if need be; return the item."""
        body = {"repository": repository, "issue": issue, "status": column, "project": self.project.board_id}
        answer = httpx.post(f"{self.sandbox.url}/_sandbox/cards/move", json=body, timeout=60)
        answer.raise_for_status()
        return str(answer.json()["item"])

    def add(self, issue: int) -> str:
        """Put an issue on the board without a Status; return the item."""
        node = self.sandbox.rest("GET", f"/repos/octo-org/bookmarks/issues/{issue}")["node_id"]
        return self.clients.github.boards.add("octo-org", board_id=self.project.board_id, content_id=node).id

    def act(self, document: str, item: str) -> None:
        """Archive, restore or delete a card."""
        self.sandbox.graphql(document, b=self.project.board_id, i=item)

    def draft(self) -> str:
        """Put a draft on the board; return the item."""
        made = self.sandbox.graphql(DRAFT, board=self.project.board_id)
        return str(made["addProjectV2DraftIssue"]["projectItem"]["id"])

    def drafts(self, count: int) -> None:
        """Put so many drafts on the board, ten with a request."""
        for first in range(0, count, 10):
            words = [
                f'd{each}: addProjectV2DraftIssue(input: {{projectId: $b, title: "{each}"}}) {{ projectItem {{ id }} }}'
                for each in range(first, min(first + 10, count))
            ]
            self.sandbox.graphql(f"mutation($b: ID!) {{ {' '.join(words)} }}", b=self.project.board_id)

    def look(self, item: str) -> Sighting:
        return services.look(self.project, item, self.clients)

    def record(self, sighting: Sighting, **more: Any) -> tuple[CanonicalEvent, ...] | None:  # noqa: ANN401 - as `record` takes it
        with transaction.atomic():
            return services.record(sighting, **({"source": Source.WEBHOOK, "cause": "delivery:1"} | more))

    def see(self, item: str, **more: Any) -> list[str]:  # noqa: ANN401 - as `record` takes it
        """Look and record; return what is told, as `kind from>to`."""
        return told(self.record(self.look(item), **more))

    def poll(self, lease: services.Lease | None = None) -> list[str]:
        """Poll the board; return what is told."""
        found = services.poll(self.project, self.clients, lease=lease)
        with transaction.atomic():
            return told(services.record_poll(found))

    def row(self, item: str) -> BoardCard:
        return BoardCard.objects.get(project=self.project, item_id=item)

    def moves_asked(self) -> int:
        """Return how often GitHub was asked to change something."""
        return len(self.sandbox.requests(changes=True))

    def column(self, item: str) -> str:
        """Return the card's column at GitHub."""
        return self.clients.github.boards.card("octo-org", item).status


def told(events: tuple[CanonicalEvent, ...] | None) -> list[str]:
    assert events is not None
    return [f"{event.kind} {event.facts['from']}>{event.facts['to']}" for event in events]


@contextmanager
def opened(directory: Path, broker: Valkey) -> Iterator[Desk]:
    """Serve a sandbox GitHub with a board that has the platform's seven columns, made as onboarding makes it."""
    now = clock.now()
    this = StepFacts(
        run_id=uuid.uuid4(), step="x", attempt=1, first_started_at=now, deadline=now + timedelta(seconds=60)
    )
    with running_sandbox(directory) as sandbox:
        clients = with_github(sandbox.client(connect(broker.url)))
        bench = Bench(sandbox=sandbox, clients=clients, redis_url=broker.url)
        ready = create_project_board(
            BoardWanted(ask=bench.ask(), validate_repo=bench.access(), answer=None, this=this), clients
        )
        metadata = {"board_url": ready.url, "field_ids": ready.field_ids, "option_ids": ready.option_ids}
        project = boards.project(board_id=ready.board_id, board_number=ready.number, metadata=metadata)
        yield Desk(sandbox=sandbox, clients=clients, project=project)
