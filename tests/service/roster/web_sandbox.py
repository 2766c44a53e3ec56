"""The sandbox web for tests: what was asked of it, page by page."""

from collections.abc import Iterator

import pytest

from tests.sandboxes import Sandbox, sandbox

CAPTCHAS = (
    '<div class="g-recaptcha" data-sitekey="k"></div>',
    '<div class="cf-turnstile" data-sitekey="k"></div>',
    '<iframe src="https://geo.captcha-delivery.com/captcha/?cid=1"></iframe>',
    '<script src="https://js.hcaptcha.com/1/api.js" async defer></script>',
    '<script src="/cdn-cgi/challenge-platform/h/b/orchestrate/chl_page/v1?ray=1"></script>',
    "<script>a = document.createElement('script'); a.src = '/cdn-cgi/challenge-platform/h/b/orchestrate/x';</script>",
    '<form id="challenge-form" action="/docs?__cf_chl_f_tk=1" method="post"></form>',
    '<script src="https://www.google.com/recaptcha/api.js"></script><p>Verify you are human</p>',
    '<script src="https://www.recaptcha.net/recaptcha/api.js"></script><form>Are you a robot?</form>',
)
"""What stands on a page that first wants to see a person."""


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
