"""Django's part of the web process: a whole request, from the first middleware to the view, in one thread at once.

Our views are synchronous and so is WhiteNoise. Django's own handler runs each middleware of such a chain by itself and
goes from loop to thread and back for every one, which costs more processor time than most pages.
https://docs.djangoproject.com/en/5.2/topics/http/middleware/#asynchronous-support
"""

from collections.abc import Callable
from typing import Any

import django
from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler


class Handler(ASGIHandler):
    """Serves requests whose middleware is all synchronous, in the request's own thread."""

    _middleware_chain: Callable[..., Any]  # Django's own name for what a request goes through

    def load_middleware(self, is_async: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - Django's signature
        """Load the middleware as it stands; the chain as a whole is what runs in a thread."""
        super().load_middleware(is_async=False)
        self._middleware_chain = sync_to_async(self._middleware_chain, thread_sensitive=True)


def application() -> Handler:
    """Load the apps and return the handler, as `django.core.asgi.get_asgi_application` does."""
    django.setup(set_prefix=False)
    return Handler()
