"""GitHub as seen with one credential: the thin shell that speaks our words.

Every word raises TryLater, Conflict, Refused or Missing (meshsix/integrations/errors.py).
Every call but those of `app_hook` names its repository or owner first, since a GitHub App has one installation (and
one budget) an owner.
"""

from urllib.parse import quote

from meshsix.integrations.errors import Missing
from meshsix.integrations.github.boards import Boards
from meshsix.integrations.github.contents import Contents
from meshsix.integrations.github.hooks import AppHook, Hooks
from meshsix.integrations.github.messages import Branch, Identity, Permission, Quota, Repository
from meshsix.integrations.github.transport import Transport
from meshsix.kit.names import RepositoryName


class GitHub:
    """GitHub: `boards`, `hooks`, `app_hook` and `contents` group the words by what they are about."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.boards = Boards(transport)
        self.hooks = Hooks(transport)
        self.app_hook = AppHook(transport)
        self.contents = Contents(transport)

    def identity(self, owner: str) -> Identity:
        """Return who we are when we act for `owner`. Raises Missing where our app is not installed there."""
        return self._transport.identity(owner)

    def quotas(self, owner: str) -> dict[str, Quota]:
        """Return our budgets `core` and `graphql`; asking costs nothing. Raises Missing where the server has none."""
        found = self._transport.rest(owner, "GET", "/rate_limit").json_object["resources"]
        return {name: Quota.parse(found[name]) for name in ("core", "graphql")}

    def repository(self, repo: RepositoryName) -> Repository:
        """Return the repository. Raises Missing if it does not exist or we may not see it.

        One that was renamed or transferred raises Redirected with its id: ask `repository_by_id` for its new name.
        """
        answer = self._transport.rest(repo.owner, "GET", f"/repos/{repo.full_name}")
        return Repository.parse(answer.json_object)

    def repository_by_id(self, owner: str, github_id: int) -> Repository:
        """Return the repository, whatever its name is now, as we are for `owner`. Raises Missing.

        The address is the one that GitHub's redirect of an old name points to:
        https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects
        """
        return Repository.parse(self._transport.rest(owner, "GET", f"/repositories/{github_id}").json_object)

    def permission(self, repo: RepositoryName, login: str) -> Permission:
        """Return what this person may do in the repository; NONE for an account that GitHub does not know.

        Raises Missing where the repository is gone.
        """
        path = f"/repos/{repo.full_name}/collaborators/{quote(login, safe='')}/permission"
        try:
            return Permission.parse(self._transport.rest(repo.owner, "GET", path).json_object)
        except Missing:
            self.repository(repo)
            return Permission.NONE

    def branch(self, repo: RepositoryName, name: str) -> Branch:
        """Return the branch and its head. Raises Missing."""
        return self.contents.branch(repo, name)
