"""What a test of the watch does: make hooks, let deliveries get lost, look, and read what came of it."""

import json
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx

from apps.onboarding.steps.hooks import ORGANIZATION_EVENTS, REPOSITORY_EVENTS, WantedHook, address, converge
from apps.projects import services as projects
from apps.projects.models import Hook, Project, ProjectStatus
from apps.webhooks.models import Delivery
from apps.webhooks.repair import claims, watch
from apps.webhooks.repair.models import Gap, HookAlert, HookWatch
from apps.webhooks.repair.watch import Looked
from apps.webhooks.rotation.workflow import ROTATION
from meshsix.durable import stretches
from meshsix.durable.models import Run
from meshsix.durable.states import RunState
from meshsix.kit import clock, names
from meshsix.live.models import Event
from tests.github_bench import Bench
from tests.sandboxes import Sandbox

DEADLINE_LOOKS = 1500
FULL_NAME = "octo-org/bookmarks"


def until(holds: Callable[[], Any]) -> None:
    """Wait until something holds, with a deadline of 30 seconds or more."""
    pause = threading.Event()
    for _ in range(DEADLINE_LOOKS):
        if holds():
            return
        pause.wait(0.02)
    raise AssertionError("it never came true")


def project(full_name: str = FULL_NAME, **facts: Any) -> Project:  # noqa: ANN401 - the fields of Project
    """Return a project that is ready for agents."""
    owner, _, name = full_name.partition("/")
    given = {
        "service_name": name,
        "repo_url": f"https://git.example.org/{full_name}",
        "default_branch": "main",
        "execution_mode": "local",
        "env_name": f"env-{secrets.token_hex(6)}",
        "status": ProjectStatus.ACTIVE,
    }
    return Project.objects.create(owner=owner, name=name, **(given | facts))


@dataclass(frozen=True, kw_only=True)
class Site:
    """A platform with one hook, and both ends of its wire."""

    bench: Bench
    ntfy: Sandbox

    # --- what there is ---------------------------------------------------------------------------------------------

    @property
    def hook(self) -> Hook:
        return Hook.objects.select_related("project").get(kind="repository")

    @property
    def watch(self) -> HookWatch:
        claims.make(clock.now())
        return HookWatch.objects.select_related("hook__project").get(hook=self.hook)

    @property
    def gap(self) -> Gap:
        return Gap.objects.get()

    @property
    def alert(self) -> HookAlert:
        return HookAlert.objects.get()

    def told(self, event_type: str) -> list[Event]:
        return list(Event.objects.filter(event_type=event_type).order_by("seq"))

    def notices(self) -> list[dict[str, Any]]:
        """Return what people's phones show."""
        answer = httpx.get(
            f"{self.ntfy.url}/mesh-six/json",
            params={"poll": "1", "since": "all"},
            headers={"Authorization": "Bearer planted-ntfy-token"},
            timeout=60,
        )
        lines = [json.loads(line) for line in answer.text.splitlines() if line]
        return [line for line in lines if line.get("event") == "message"]

    # --- what happens ----------------------------------------------------------------------------------------------

    def hook_up(self, full_name: str, *, organization: bool = False) -> Hook:
        """Make the hook as onboarding does, and wait for its ping."""
        repository = names.parse_repository(full_name)
        row = Project.objects.filter(owner=repository.owner, name=repository.name).first() or project(full_name)
        path = names.organization_webhook_path(row.owner) if organization else names.webhook_path(repository)
        self.bench.clients.vault.remove(path)
        secret = secrets.token_hex(32)
        version = self.bench.clients.vault.write(path, {"secret": secret}, cas=0)
        events = ORGANIZATION_EVENTS if organization else REPOSITORY_EVENTS
        hook = (
            projects.organization_hook(row.owner, secret_path=path, events=list(events))
            if organization
            else projects.repository_hook(row.pk, secret_path=path, events=list(events))
        )
        place = row.owner if organization else repository
        wanted = WantedHook(place=place, row=hook, secret=secret, version=version, events=events)
        converge(wanted, self.bench.clients.github.hooks)
        until(lambda: Delivery.objects.filter(hook=hook, event="ping").exists())
        hook.refresh_from_db()
        return hook

    def lose(self, *places: str) -> None:
        """Let nothing reach the hooks of these any more; of none: end it."""
        httpx.post(
            f"{self.bench.sandbox.url}/_sandbox/deliveries", json={"lost": places}, timeout=60
        ).raise_for_status()

    def comment(self, text: str = "Hello") -> None:
        """Do something at GitHub that the hook tells of, and wait until GitHub has sent it, in vain or not."""
        before = self._guids()
        self.bench.sandbox.rest("POST", f"/repos/{FULL_NAME}/issues/1/comments", {"body": text})
        until(lambda: self._guids() > before)

    def _guids(self) -> set[str]:
        return {each["guid"] for each in self.sent()}

    def sent(self) -> list[dict[str, Any]]:
        """Return what GitHub sent to the hook, the newest first."""
        found: list[dict[str, Any]] = self.bench.sandbox.rest("GET", f"{self.at_github}/deliveries?per_page=100")
        return found

    @property
    def at_github(self) -> str:
        return f"/repos/{FULL_NAME}/hooks/{self.hook.github_id}"

    def knock(self, body: bytes) -> int:
        """Send something without a signature to the hook's address, as anybody may; return the status."""
        headers = {
            "X-GitHub-Event": "push",
            "X-GitHub-Delivery": secrets.token_hex(8),
            "X-Hub-Signature-256": "sha256=0",
        }
        return httpx.post(address(self.hook.key), content=body, headers=headers, timeout=60).status_code

    def sign_with(self, secret: str) -> None:
        """Give GitHub another secret, as somebody might on its page."""
        self.bench.sandbox.rest("PATCH", f"{self.at_github}/config", {"secret": secret})

    def finish_rotation(self) -> None:
        """Run the rotation that is under way to its end, as a worker would."""
        run = Run.objects.get(workflow=ROTATION.name)
        names_of_steps = list(run.steps.order_by("position").values_list("name", flat=True))
        while any(stretches.run(run.pk, name, in_chord=False) for name in names_of_steps):
            pass
        run.refresh_from_db()
        assert run.state == RunState.COMPLETED, run.error_hint

    def look(self, *, later: timedelta = timedelta()) -> Looked:
        """Look at the hook as if it were due, perhaps later than now."""
        HookWatch.objects.filter(pk=self.watch.pk).update(due_at=clock.now())
        with clock.moved(later):
            looked = watch.look(self.watch.pk, self.bench.clients)
        assert looked is not None
        return looked

    def asked_again(self) -> int:
        """Return how often GitHub was asked to deliver again."""
        made = self.bench.sandbox.requests(changes=True)
        return sum(each["method"] == "POST" and each["path"].endswith("/attempts") for each in made)
