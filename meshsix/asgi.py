"""The web process: HTTP by Django, sockets by Channels."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "meshsix.settings")
_http = get_asgi_application()  # loads the apps, which everything below needs

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402 - after the apps are loaded

from meshsix.routing import websocket_urlpatterns  # noqa: E402 - after the apps are loaded

application = ProtocolTypeRouter({"http": _http, "websocket": URLRouter(websocket_urlpatterns)})
