"""The sandbox web: a made-up queue's documentation with a search, a page behind a sign-in and one behind a captcha.

GET /search?q=&format=json answers as SearXNG does: https://docs.searxng.org/dev/search_api.html
"""

import re
from html import escape

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from deploy.sandbox.base import Frame
from deploy.sandbox.place import Place

ROBOTS = "User-agent: *\nDisallow: /internal/\n"
PAGES = {
    "retries": (
        "Retries in Heron",
        (
            "<p>Heron retries a failed message <strong>7 times</strong>, with exponential backoff from 3 seconds.</p>"
            "<p>A message that fails for good goes to the queue <code>heron.dead</code>.</p>"
        ),
    ),
    "storage": (
        "Storage of Heron",
        (
            "<p>Heron keeps messages in PostgreSQL 15 or later. Redis is a cache and may be emptied at any time.</p>"
            "<ul><li>acknowledged messages are deleted after 24 hours</li><li>payloads may have 256 KiB</li></ul>"
        ),
    ),
    "limits": ("Limits of Heron", "<p>One broker takes 4,000 messages a second on two cores.</p>"),
}
SIGN_IN = (
    '<form method="post"><label>Name <input name="user"></label>'
    '<label>Password <input type="password" name="password"></label></form>'
)
CAPTCHA = '<p>Are you a person?</p><div class="h-captcha" data-sitekey="sandbox"></div>'
WALLED = {"pricing": ("Prices of Heron", SIGN_IN), "roadmap": ("Roadmap of Heron", CAPTCHA)}


def sandbox(place: Place) -> Frame:
    """Make the sandbox from its configuration (README.md)."""
    app = Starlette(
        routes=[
            Route("/robots.txt", _robots),
            Route("/search", _search),
            Route("/docs/{name}", _page),
            Route("/latest/{name}", _moved),
            Route("/internal/{name}", _page),
        ]
    )
    app.state.url = place.url
    return Frame(app)


async def _robots(_request: Request) -> Response:
    return PlainTextResponse(ROBOTS)


async def _search(request: Request) -> Response:
    """Find pages by the words that they share with the query, the most first; walled ones are found by their title."""
    if request.query_params.get("format") != "json":
        return PlainTextResponse("format not allowed", 403)
    query = request.query_params.get("q", "")
    wanted = _words(query)
    found = []
    for name, (title, body) in {**PAGES, **WALLED}.items():
        text = re.sub(r"<[^>]+>", " ", body)
        shared = len(wanted & (_words(title) | (_words(text) if name in PAGES else set())))
        if shared:
            row = {"url": f"{request.app.state.url}/docs/{name}", "title": title, "content": text.strip()[:120]}
            found.append((shared, row))
    rows = [row for _, row in sorted(found, key=lambda each: -each[0])]
    return JSONResponse({"query": query, "number_of_results": len(rows), "results": rows})


def _words(text: str) -> set[str]:
    return {word for word in re.findall(r"[a-z0-9]+", text.lower()) if len(word) > 2}  # noqa: PLR2004 - "of", "in"


async def _page(request: Request) -> Response:
    name = request.path_params["name"]
    found = PAGES.get(name) or WALLED.get(name)
    if found is None:
        return HTMLResponse("<h1>Not found</h1>", 404)
    title, body = found
    return HTMLResponse(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>main {{ margin: 1em }}</style></head><body><nav>Heron, all pages</nav><main><h1>{escape(title)}</h1>"
        f"{body}</main><script>track()</script></body></html>"
    )


async def _moved(request: Request) -> Response:
    return RedirectResponse(f"/docs/{request.path_params['name']}", 302)
