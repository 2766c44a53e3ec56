"""Files, commits, branches and pull requests of a repository.

Commits are made by createCommitOnBranch: several files in one commit, refused when the branch has moved, and signed
by GitHub. https://docs.github.com/en/graphql/reference/mutations#createcommitonbranch.
"""

import base64
from collections.abc import Iterable, Mapping
from urllib.parse import quote

from meshsix.integrations.errors import Missing
from meshsix.integrations.github.documents import document
from meshsix.integrations.github.messages import Branch, Commit, Entry, File, PullRequest
from meshsix.integrations.github.transport import Transport
from meshsix.kit.names import RepositoryName


class Contents:
    """Words about what is in a repository."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def file(self, repo: RepositoryName, path: str, *, ref: str) -> File | None:
        """Return the file at a branch, tag or commit, or None if there is none. Files of up to 1 MB."""
        found = self._at(repo, path, ref)
        return File.parse(found) if isinstance(found, Mapping) and found.get("type") == "file" else None

    def folder(self, repo: RepositoryName, path: str, *, ref: str) -> tuple[Entry, ...]:
        """Return the entries of a folder (up to 1,000); empty where there is no such folder."""
        found = self._at(repo, path, ref)
        if not isinstance(found, list):
            return ()
        return tuple(Entry(name=item["name"], path=item["path"], type=item["type"]) for item in found)

    def branch(self, repo: RepositoryName, name: str) -> Branch:
        """Return the branch and its head. Raises Missing."""
        path = f"/repos/{repo.full_name}/branches/{quote(name, safe='')}"
        return Branch.parse(self._transport.rest(repo.owner, "GET", path).json_object)

    def ruled(self, repo: RepositoryName, branch: str) -> bool:
        """Return whether a ruleset asks for pull requests into this branch. False where the server has no rulesets."""
        path = f"/repos/{repo.full_name}/rules/branches/{quote(branch, safe='')}"
        try:
            return any(rule["type"] == "pull_request" for rule in self._transport.pages(repo.owner, path))
        except Missing:
            return False

    def create_branch(self, repo: RepositoryName, name: str, *, sha: str) -> None:
        """Create a branch at this commit. Raises Conflict where it exists."""
        body = {"ref": f"refs/heads/{name}", "sha": sha}
        self._transport.rest(repo.owner, "POST", f"/repos/{repo.full_name}/git/refs", body=body, creates=True)

    def commit(
        self,
        repo: RepositoryName,
        *,
        branch: str,
        expected_head: str,
        headline: str,
        body: str = "",
        write: Mapping[str, str | bytes],
        delete: Iterable[str] = (),
    ) -> Commit:
        """Commit all these files at once, content by path. Raises Conflict where `expected_head` is not the head."""
        additions = [{"path": path, "contents": _encoded(content)} for path, content in sorted(write.items())]
        wanted = {
            "branch": {"repositoryNameWithOwner": repo.full_name, "branchName": branch},
            "expectedHeadOid": expected_head,
            "message": {"headline": headline, "body": body},
            "fileChanges": {"additions": additions, "deletions": [{"path": path} for path in sorted(delete)]},
        }
        made = self._transport.graphql(repo.owner, document("commit_files"), {"input": wanted}, creates=True)
        return Commit.made(made["createCommitOnBranch"]["commit"])

    def commits(self, repo: RepositoryName, *, path: str, ref: str, most: int = 30) -> tuple[Commit, ...]:
        """Return the latest commits up to `ref` that touched `path`, newest first; at most 100."""
        asked = {"path": path, "sha": ref, "per_page": most}
        found = self._transport.rest(repo.owner, "GET", f"/repos/{repo.full_name}/commits", query=asked)
        return tuple(Commit.parse(item) for item in found.json_list)

    def pull_requests(self, repo: RepositoryName, *, head: str, base: str) -> tuple[PullRequest, ...]:
        """Return the pull requests of branch `head` into `base`, in whatever state, newest first; at most 30."""
        asked = {"state": "all", "head": f"{repo.owner}:{head}", "base": base, "per_page": 30}
        found = self._transport.rest(repo.owner, "GET", f"/repos/{repo.full_name}/pulls", query=asked)
        return tuple(PullRequest.parse(item) for item in found.json_list)

    def create_pull_request(self, repo: RepositoryName, *, head: str, base: str, title: str, body: str) -> PullRequest:
        """Open a pull request. Raises Conflict where one is open already for these branches."""
        wanted = {"title": title, "head": head, "base": base, "body": body, "maintainer_can_modify": True}
        path = f"/repos/{repo.full_name}/pulls"
        return PullRequest.parse(self._transport.rest(repo.owner, "POST", path, body=wanted, creates=True).json_object)

    def _at(self, repo: RepositoryName, path: str, ref: str) -> object:
        """Return the answer of the contents API: a mapping for a file, a list for a folder, None for neither."""
        asked = {"ref": ref}
        try:
            found = self._transport.rest(
                repo.owner, "GET", f"/repos/{repo.full_name}/contents/{quote(path)}", query=asked
            )
        except Missing:
            return None
        return found.data


def _encoded(content: str | bytes) -> str:
    raw = content.encode() if isinstance(content, str) else content
    return base64.b64encode(raw).decode("ascii")
