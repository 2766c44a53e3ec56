"""The addresses of the event log."""

from django.urls import URLPattern, URLResolver, path

from meshsix.live import views

api_urlpatterns: list[URLPattern | URLResolver] = [
    path("events", views.Events.as_view(), name="api-events"),
    path("events/replay/<path:aggregate_id>", views.Replay.as_view(), name="api-events-replay"),
]
page_urlpatterns: list[URLPattern | URLResolver] = []
