"""Puts the sandbox GitHub together.

frame = make(Config(tokens=[...]), Path(".meshsix/sandbox/github"))
with running(frame) as url: ...
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from deploy.sandbox.base import Frame
from deploy.sandbox.github import knobs, pages, seed, smart_http
from deploy.sandbox.github.config import Config
from deploy.sandbox.github.graph import endpoint
from deploy.sandbox.github.problems import Problem, not_found
from deploy.sandbox.github.rest import accounts, git_data, hooks, issues, pulls, repositories
from deploy.sandbox.github.sender import Sender
from deploy.sandbox.github.web import Desk, Limits, usual_headers
from deploy.sandbox.github.world import World

CHAPTERS = (accounts, hooks, git_data, issues, pulls, repositories)
READS = ("/*/git-upload-pack", "*/app/installations/*/access_tokens")


def make(config: Config, directory: Path) -> Frame:
    """Return the sandbox with its state in `directory`, planted with the seed where that is missing."""
    world = World(config, directory)
    seed.plant(world)
    desk = Desk(world=world, limits=Limits(hourly=config.hourly_limit))

    def reset() -> None:
        world.store.clear()
        world.git.remove_all()
        seed.plant(world)

    async def reset_alone() -> None:
        def task() -> Response:
            reset()
            return Response()

        await desk.work(task)

    routes = [*endpoint.routes(desk), *(route for chapter in CHAPTERS for route in chapter.routes(desk))]
    routes += [*knobs.routes(desk), *smart_http.routes(desk), *pages.routes(desk)]
    app = Starlette(
        routes=routes,
        lifespan=lambda _: _lifespan(desk),
        exception_handlers={HTTPException: _no_route, Problem: _problem},
    )
    app.router.redirect_slashes = False
    secrets = [each.token for each in config.tokens] + [app.webhook.secret or "" for app in config.apps if app.webhook]
    return Frame(app, reset=reset_alone, reads=READS, secrets=secrets)


@contextlib.asynccontextmanager
async def _lifespan(desk: Desk) -> AsyncIterator[None]:
    sender = Sender(desk.world, desk.run)
    desk.after_work = sender.nudge
    task = asyncio.create_task(sender.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        desk.world.store.close()


async def _no_route(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    return JSONResponse(not_found().body(), 404 if status == 405 else status, usual_headers())  # noqa: PLR2004 - GitHub's


async def _problem(_: Request, error: Exception) -> Response:
    problem = error if isinstance(error, Problem) else not_found()
    return Response(json.dumps(problem.body()), problem.status, {**usual_headers(), "content-type": "application/json"})
