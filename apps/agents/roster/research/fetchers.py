"""The fetchers that ship: `fetch(request, clients) -> documents`. settings.RESEARCH_FETCHERS names them.

A docstring's first paragraph is what the model is told of the tool. Each raises VendorError where it cannot read.
"""

import hashlib

from apps.agents.llm.services import Llm
from apps.agents.memory.services import Memories
from apps.agents.roster.research.words import REMEMBERED, Document, Request
from meshsix.integrations.errors import Missing, Refused
from meshsix.kit import clock, names
from meshsix.wiring import Clients


def search(request: Request, clients: Clients) -> tuple[Document, ...]:
    """Search the web by a few words. Gives titles, addresses and snippets; read an address with the tool `web`."""
    if clients.search is None:
        raise Refused("No search is configured.", code="search:not-configured", vendor="search", hint="Set SEARCH_URL.")
    return tuple(
        _document(each.title, each.url, "search-hit", each.snippet, is_source=False)
        for each in clients.search.find(request.query)[: request.most]
    )


def web(request: Request, clients: Clients) -> tuple[Document, ...]:
    """Read one page of the web by its address, which must begin with http:// or https://."""
    page = clients.web.page(request.query.strip())
    return (
        Document(
            title=page.title, url=page.url, type="web", text=page.text, sha256=page.sha256, fetched_at=clock.now()
        ),
    )


def repository(request: Request, clients: Clients) -> tuple[Document, ...]:
    """Read a file of the project's repository by its path; the path of a folder, or nothing, lists what is in it."""
    if not request.work.project:
        raise Refused("The task belongs to no project.", code="repository:no-project", vendor="github")
    repo = names.parse_repository(request.work.project)
    branch = clients.github.repository(repo).default_branch
    head, path = clients.github.branch(repo, branch).sha, request.query.strip().strip("/")
    url = f"github:{repo.full_name}/{path}@{head}"
    file = clients.github.contents.file(repo, path, ref=head) if path else None
    if file is not None:
        text = file.content.decode(errors="replace")
        return (_document(path, url, "repository", text),)
    entries = clients.github.contents.folder(repo, path, ref=head)
    if not entries:
        raise Missing(f"There is no {path!r} in the repository.", code="repository:missing", vendor="github")
    listed = "\n".join(f"{each.type} {each.path}" for each in entries)
    return (_document(path or repo.full_name, url, "repository-folder", listed, is_source=False),)


def memory(request: Request, clients: Clients) -> tuple[Document, ...]:
    """Recall what agents remember of this project, by a question in words."""
    memories = Memories(request.work, Llm(request.work, clients))
    return tuple(
        _document(f"{each.kind} of {each.agent_id or 'an agent'}", f"memory:{each.id}", REMEMBERED, each.content)
        for each in memories.recall(request.query, limit=request.most)
    )


def _document(title: str, url: str, kind: str, text: str, *, is_source: bool = True) -> Document:
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Document(
        title=title, url=url, type=kind, text=text, sha256=digest, fetched_at=clock.now(), is_source=is_source
    )
