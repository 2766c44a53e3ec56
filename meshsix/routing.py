"""Which consumer serves which socket."""

from channels.routing import URLRouter
from django.urls import path

from meshsix.live.consumers import EventsConsumer
from meshsix.live.origins import own_origin_only

websocket_urlpatterns = [path("ws/events", EventsConsumer.as_asgi())]
websockets = own_origin_only(URLRouter(websocket_urlpatterns))
