"""The sandbox web for tests: what was asked of it, page by page."""

from collections.abc import Iterator

import pytest

from tests.sandboxes import Sandbox, sandbox


class Site(Sandbox):
    """The site with its addresses."""

    def at(self, path: str) -> str:
        return f"{self.url}{path}"

    @property
    def host(self) -> str:
        return self.url.removeprefix("http://")

    def read(self) -> list[str]:
        """Return the paths that were asked for, robots.txt and searches left out."""
        return [each["path"] for each in self.requests() if each["path"] not in {"/robots.txt", "/search"}]


@pytest.fixture(scope="module")
def web_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with sandbox("web", tmp_path_factory.mktemp("web"), {}) as server:
        yield Site(server.url)


@pytest.fixture
def site(web_server: Site) -> Site:
    web_server.reset()
    return web_server
