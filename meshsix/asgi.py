"""The web process: HTTP by Django, sockets by Channels."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "meshsix.settings")
os.environ.setdefault("DATABASE_POOL", "true")  # each request has a thread of its own here, which would connect anew

from channels.routing import ProtocolTypeRouter
from django.core.asgi import get_asgi_application

_http = get_asgi_application()  # loads the apps, which everything below needs

from meshsix.routing import websockets  # noqa: E402 - after the apps are loaded

application = ProtocolTypeRouter({"http": _http, "websocket": websockets})
