"""The addresses of webhooks: the API and pages of deliveries, and doors that signatures open, outside of /api/."""

from django.urls import URLPattern, URLResolver, path

from apps.webhooks.views import alerts, api, doors, pages, replies, rotation

api_urlpatterns: list[URLPattern | URLResolver] = [
    path("deliveries", api.DeliveryList.as_view(), name="delivery-api-list"),
    path("deliveries/replay", api.DeliveriesReplay.as_view(), name="delivery-api-replay-filtered"),
    path("deliveries/<str:guid>", api.DeliveryDetail.as_view(), name="delivery-api"),
    path("deliveries/<str:guid>/replay", api.DeliveryReplay.as_view(), name="delivery-api-replay"),
    path(
        "projects/<str:owner>/<str:repo>/rotate-webhook-secret",
        rotation.Rotation.as_view(),
        name="rotate-webhook-secret",
    ),
]
page_urlpatterns: list[URLPattern | URLResolver] = [
    path("deliveries", pages.delivery_list, name="delivery-list"),
    path("deliveries/replay", pages.replay_filtered, name="delivery-replay-filtered"),
    path("deliveries/<str:guid>", pages.delivery_page, name="delivery-page"),
    path("deliveries/<str:guid>/payload", pages.delivery_payload, name="delivery-payload"),
    path("deliveries/<str:guid>/replay", pages.replay, name="delivery-replay"),
]
door_urlpatterns: list[URLPattern | URLResolver] = [
    path("webhooks/github", doors.take_github, name="webhook-github"),
    path("webhooks/github/<slug:hook_key>", doors.take_github, name="webhook-github-by-key"),
    path("webhooks/alertmanager", alerts.alertmanager, name="webhook-alertmanager"),
    path("webhooks/grafana", alerts.grafana, name="webhook-grafana"),
    path("webhooks/argocd", alerts.argocd, name="webhook-argocd"),
    path("ntfy-reply/<str:token>", replies.reply, name="ntfy-reply"),
]
