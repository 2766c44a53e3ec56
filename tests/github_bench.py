"""A sandbox GitHub and what the steps of onboarding need, for their tests."""

from dataclasses import dataclass

from apps.onboarding.serializers import ask_from
from apps.onboarding.steps.access import validate_repo
from apps.onboarding.words import Access, Ask
from meshsix.integrations.github.budget import connect
from meshsix.integrations.github.client import GitHub
from meshsix.wiring import Clients
from tests.sandbox_github import Sandbox


@dataclass(frozen=True, kw_only=True)
class Bench:
    """A sandbox and the platform's clients of it."""

    sandbox: Sandbox
    clients: Clients
    redis_url: str

    def as_token(self, token: str) -> Clients:
        """Return clients that sign in with another token."""
        return with_github(self.sandbox.client(connect(self.redis_url), token))

    def ask(self, full_name: str = "octo-org/bookmarks", **more: object) -> Ask:
        """Return what somebody asks for."""
        owner, _, name = full_name.partition("/")
        return ask_from({"repo_owner": owner, "repo_name": name, **more})

    def access(self, full_name: str = "octo-org/bookmarks") -> Access:
        """Return the first step's output."""
        return validate_repo(self.ask(full_name), self.clients)


def with_github(github: GitHub) -> Clients:
    """Return clients whose GitHub is this one."""
    clients = Clients()
    clients.__dict__["github"] = github
    return clients
