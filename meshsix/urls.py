"""All addresses: the API under /api/, pages at the root, doors for signed deliveries, the Django admin."""

from django.contrib import admin
from django.urls import include, path

from apps.agents.memory import urls as memory
from apps.agents.registry import urls as agents
from apps.agents.roster.architect import urls as architect
from apps.decisions import urls as decisions
from apps.onboarding import urls as onboarding
from apps.projects import urls as projects
from apps.projects.boards import urls as boards
from apps.projects.credentials import urls as credentials
from apps.webhooks import urls as webhooks
from apps.webhooks.repair import urls as repair
from meshsix.live import urls as live
from meshsix.web import urls as web

_APPS = (web, live, decisions, credentials, projects, boards, memory, agents, architect, onboarding, webhooks, repair)

urlpatterns = [
    *web.root_urlpatterns,
    path("admin/", admin.site.urls),
    *(path("api/", include(app.api_urlpatterns)) for app in _APPS),
    *(path("", include(app.page_urlpatterns)) for app in _APPS),
    *(path("", include(app.door_urlpatterns)) for app in _APPS if hasattr(app, "door_urlpatterns")),
]
handler404 = "meshsix.web.views.not_found"
handler500 = "meshsix.web.views.server_error"
handler403 = "meshsix.web.views.forbidden"
handler400 = "meshsix.web.views.bad_request"
