"""The addresses of the inbox."""

from django.urls import URLPattern, URLResolver, path

from apps.decisions import views

api_urlpatterns: list[URLPattern | URLResolver] = [
    path("decisions", views.DecisionList.as_view(), name="decision-api-list"),
    path("decisions/count", views.DecisionCount.as_view(), name="decision-api-count"),
    path("decisions/<str:decision_id>", views.DecisionDetail.as_view(), name="decision-api"),
]
page_urlpatterns: list[URLPattern | URLResolver] = [
    path("decisions", views.decision_list, name="decision-list"),
    path("decisions/overview", views.decision_overview, name="decision-overview"),
]
