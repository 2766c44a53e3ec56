"""Which consumer serves which socket."""

from django.urls import URLPattern

websocket_urlpatterns: list[URLPattern] = []
