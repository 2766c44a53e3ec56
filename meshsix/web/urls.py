"""The addresses of the frame: sign-in, overview, account, health, metrics, the API's description."""

from django.urls import URLPattern, URLResolver, path

from meshsix.web import schema, views
from meshsix.web.sign_in import SignIn, SignOut, admin_sign_in

root_urlpatterns: list[URLPattern | URLResolver] = [
    path("livez", views.livez, name="livez"),
    path("readyz", views.readyz, name="readyz"),
    path("healthz", views.readyz, name="healthz"),
    path("metrics", views.Metrics.as_view(), name="metrics"),
    path("sign-in", SignIn.as_view(), name="sign-in"),
    path("sign-out", SignOut.as_view(), name="sign-out"),
    path("admin/login/", admin_sign_in, name="admin-sign-in"),
]
api_urlpatterns: list[URLPattern | URLResolver] = [
    path("health", views.Health.as_view(), name="api-health"),
    path("schema", schema.Description.as_view(), name="api-schema"),
    path("docs", schema.Docs.as_view(), name="api-docs"),
]
page_urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.overview, name="overview"),
    path("account", views.account, name="account"),
    path("account/theme", views.choose_theme, name="choose-theme"),
]
