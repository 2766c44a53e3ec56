"""Where the web process's event loop reads the database: a few threads of its own, which keep their connections."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from django.db import close_old_connections

P = ParamSpec("P")
T = TypeVar("T")

READERS = 4
_readers = ThreadPoolExecutor(max_workers=READERS, thread_name_prefix="live-read")


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function that reads the database, off the event loop.

    Django's own bridge would use one thread for all sockets.
    """

    def read() -> T:
        close_old_connections()
        try:
            return function(*args, **kwargs)
        finally:
            close_old_connections()

    return await asyncio.get_running_loop().run_in_executor(_readers, read)
