"""The addresses of credentials and tokens."""

from django.urls import URLPattern, URLResolver, path

from apps.projects.credentials import runner_views, views

api_urlpatterns: list[URLPattern | URLResolver] = [
    path("runner/hello", runner_views.RunnerHello.as_view(), name="runner-hello"),
    path("tokens", views.TokenList.as_view(), name="tokens-api"),
    path("tokens/<uuid:token_id>", views.TokenDetail.as_view(), name="token-api"),
    path("projects/<str:owner>/<str:repo>/credentials", views.CredentialHealth.as_view(), name="credentials-api"),
]
page_urlpatterns: list[URLPattern | URLResolver] = []
