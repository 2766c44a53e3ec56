"""GitHub as seen with one credential: the thin shell that speaks our words.

Every word raises TryLater, Conflict, Refused or Missing (meshsix/integrations/errors.py).
Every call names its repository or owner first, since a GitHub App has one installation (and one budget) an owner.
"""

from meshsix.integrations.github.boards import Boards
from meshsix.integrations.github.contents import Contents
from meshsix.integrations.github.hooks import Hooks
from meshsix.integrations.github.messages import Branch, Identity, Quota, Repository
from meshsix.integrations.github.transport import Transport
from meshsix.kit.names import RepositoryName


class GitHub:
    """GitHub: `boards`, `hooks` and `contents` group the words by what they are about."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.boards = Boards(transport)
        self.hooks = Hooks(transport)
        self.contents = Contents(transport)

    def identity(self, owner: str) -> Identity:
        """Return who we are when we act for `owner`. Raises Missing where our app is not installed there."""
        return self._transport.identity(owner)

    def quotas(self, owner: str) -> dict[str, Quota]:
        """Return our budgets `core` and `graphql`; asking costs nothing. Raises Missing where the server has none."""
        found = self._transport.rest(owner, "GET", "/rate_limit").json_object["resources"]
        return {name: Quota.parse(found[name]) for name in ("core", "graphql")}

    def repository(self, repo: RepositoryName) -> Repository:
        """Return the repository. Raises Missing if it does not exist or we may not see it."""
        answer = self._transport.rest(repo.owner, "GET", f"/repos/{repo.full_name}")
        return Repository.parse(answer.json_object)

    def branch(self, repo: RepositoryName, name: str) -> Branch:
        """Return the branch and its head. Raises Missing."""
        return self.contents.branch(repo, name)
