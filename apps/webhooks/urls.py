"""The addresses of webhooks: doors that signatures open, outside of /api/."""

from django.urls import URLPattern, URLResolver, path

from apps.webhooks.views import doors

api_urlpatterns: list[URLPattern | URLResolver] = []
page_urlpatterns: list[URLPattern | URLResolver] = []
door_urlpatterns: list[URLPattern | URLResolver] = [
    path("webhooks/github", doors.github, name="webhook-github"),
    path("webhooks/github/<slug:hook_key>", doors.github, name="webhook-github-by-key"),
]
