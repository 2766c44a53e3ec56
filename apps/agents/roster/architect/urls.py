"""The addresses of the architect's log."""

from django.urls import URLPattern, URLResolver, path

from apps.agents.roster.architect import views

api_urlpatterns: list[URLPattern | URLResolver] = [
    path(
        "architect/<str:owner>/<str:repo>/<int:number>/history", views.History.as_view(), name="architect-api-history"
    ),
]
page_urlpatterns: list[URLPattern | URLResolver] = []
