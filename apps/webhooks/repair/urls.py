"""The addresses of hooks: their health, and what can be done about it."""

from django.urls import URLPattern, URLResolver, path

from apps.webhooks.repair.views import api, pages

api_urlpatterns: list[URLPattern | URLResolver] = [
    path("hooks", api.HookList.as_view(), name="hook-api-list"),
    path("hooks/<uuid:watch_id>/redeliver-missing", api.RedeliverMissing.as_view(), name="hook-api-redeliver-missing"),
    path("hooks/<uuid:watch_id>/repair", api.Repair.as_view(), name="hook-api-repair"),
]
page_urlpatterns: list[URLPattern | URLResolver] = [
    path("hooks", pages.hook_list, name="hook-list"),
    path("hooks/<uuid:watch_id>/redeliver-missing", pages.redeliver_missing, name="hook-redeliver-missing"),
    path("hooks/<uuid:watch_id>/repair", pages.repair, name="hook-repair"),
    path("projects/<str:owner>/<str:repo>/hooks", pages.project_panel, name="project-hooks"),
]
