"""How drf-spectacular describes the API: settings that no environment changes, apart since they are long."""

SETTINGS = {
    "TITLE": "Mesh Six",
    "DESCRIPTION": "Onboards GitHub repositories for coding agents and shows every step live.",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["meshsix.web.permissions.Viewer"],
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enums", "meshsix.web.schema.add_problems"],
    "ENUM_NAME_OVERRIDES": {
        "OnboardingStatusEnum": "apps.onboarding.models.STATUS_CHOICES",
        "ProjectStatusEnum": "apps.projects.models.ProjectStatus",
        "TokenClassEnum": "apps.projects.credentials.models.TokenClass",
        "TaskStatusEnum": "apps.agents.registry.states.TASK_STATUSES",
        "AgentStatusEnum": ["online", "degraded", "offline"],
        "DeliveryStateEnum": ["received", "handled", "ignored", "duplicate", "failed", "dead"],
        "FindingStateEnum": ["skipped", "ok", "warning", "failed"],
    },
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}
