"""The addresses of memories."""

from django.urls import URLPattern, URLResolver, path

from apps.agents.memory import views

api_urlpatterns: list[URLPattern | URLResolver] = [
    path("memories", views.MemoryList.as_view(), name="memory-api-list"),
    path("memories/<uuid:memory_id>", views.MemoryDetail.as_view(), name="memory-api"),
]
page_urlpatterns: list[URLPattern | URLResolver] = []
