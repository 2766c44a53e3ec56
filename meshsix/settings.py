"""All settings, in one flat file. Every variable that is read here stands in README.md's table (a test compares)."""

from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

from meshsix import env, openapi

BASE_DIR = Path(__file__).resolve().parent.parent

# --- the process ---------------------------------------------------------------------------------------------------
DEBUG = env.flag("DEBUG", default=False)
SECRET_KEY = env.secret("DJANGO_SECRET_KEY")
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "localhost,127.0.0.1")
PUBLIC_URL = env.url("PUBLIC_URL", "http://127.0.0.1:8000")
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS", PUBLIC_URL)
TRUSTED_PROXIES = env.words("TRUSTED_PROXIES")
SECURE_COOKIES = env.flag("SECURE_COOKIES", default=PUBLIC_URL.startswith("https://"))
LOG_LEVEL = env.text("LOG_LEVEL", "INFO")
LOG_FORMAT = env.text("LOG_FORMAT", "console")
LOGGING_CONFIG = "meshsix.logs.configure"
LOGGING = {"level": LOG_LEVEL, "form": LOG_FORMAT}

# --- Django --------------------------------------------------------------------------------------------------------
ROOT_URLCONF = "meshsix.urls"
ASGI_APPLICATION = "meshsix.asgi.application"
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "csp",
    "meshsix.web",
    "meshsix.live",
    "meshsix.durable",
    "apps.projects",
    "apps.projects.boards",
    "apps.projects.credentials",
    "apps.agents.llm",
    "apps.agents.memory",
    "apps.agents.registry",
    "apps.agents.roster",
    "apps.agents.roster.architect",
    "apps.agents.roster.notices",
    "apps.agents.roster.research",
    "apps.onboarding",
    "apps.webhooks",
    "apps.webhooks.repair",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "meshsix.web.middleware.StaticFiles",
    "meshsix.web.middleware.RequestId",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "meshsix.web.context.platform",
            ],
        },
    },
]
APPEND_SLASH = False
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
WHITENOISE_USE_FINDERS = True
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "/sign-in"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/sign-in"
SESSION_COOKIE_AGE = int(timedelta(hours=12).total_seconds())
SESSION_SAVE_EVERY_REQUEST = False
SESSION_COOKIE_SECURE = SECURE_COOKIES
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SECURE = SECURE_COOKIES
CSRF_FAILURE_VIEW = "meshsix.web.views.csrf_failure"
SECURE_SSL_REDIRECT = SECURE_COOKIES
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SECURE_REDIRECT_EXEMPT = [r"^(livez|readyz|healthz|metrics)$"]
SECURE_HSTS_SECONDS = int(timedelta(days=365).total_seconds()) if SECURE_COOKIES else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.flag("HSTS_SUBDOMAINS", default=False)
SECURE_HSTS_PRELOAD = env.flag("HSTS_PRELOAD", default=False)
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]  # the domain's owner decides on the two settings above
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "connect-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    },
}

# --- PostgreSQL: the truth -----------------------------------------------------------------------------------------
_database = urlsplit(env.secret("DATABASE_URL"))
_database_pool = {"min_size": 1, "max_size": env.whole("DATABASE_POOL_SIZE", 20), "timeout": 10}
DATABASE_POOL = env.flag("DATABASE_POOL", default=False)  # the web process sets it (meshsix/asgi.py)
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(_database.path.lstrip("/")),
        "USER": unquote(_database.username or ""),
        "PASSWORD": unquote(_database.password or ""),
        "HOST": _database.hostname or "",
        "PORT": str(_database.port or ""),
        "CONN_MAX_AGE": 0 if DATABASE_POOL else env.whole("DATABASE_CONN_MAX_AGE", 300),
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "connect_timeout": env.whole("DATABASE_CONNECT_TIMEOUT_SECONDS", 5),
            "prepare_threshold": 5,  # lets meshsix.prepared prepare; Django's own cursors never do
            **({"pool": _database_pool} if DATABASE_POOL else {}),
        },
    },
}

# --- Redis or Valkey: transport, every use of which may lose everything ---------------------------------------------
REDIS_URL = env.secret("REDIS_URL")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "meshsix",
        "OPTIONS": {"socket_timeout": 2, "socket_connect_timeout": 2},
    },
}
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [{"address": REDIS_URL, "socket_timeout": None}], "prefix": "meshsix"},
    },
}

# --- the step engine ------------------------------------------------------------------------------------------------
DURABLE_WORKFLOWS = env.words(
    "DURABLE_WORKFLOWS",
    "apps.onboarding.workflow.ONBOARDING,apps.agents.registry.workflow.ATTEMPT,apps.agents.registry.workflow.OUTSIDE,"
    "apps.agents.roster.workflow.DEEP_RESEARCH,apps.agents.roster.argocd.workflow.DEPLOYMENT,"
    "apps.agents.roster.kubectl.workflow.DEPLOY,"
    "apps.agents.roster.kubectl.workflow.ROLLBACK,apps.webhooks.rotation.workflow.ROTATION",
)
DURABLE_RECOVERY_INTERVAL = env.seconds("DURABLE_RECOVERY_INTERVAL_SECONDS", 2)
DURABLE_LEASE_MARGIN = env.seconds("DURABLE_LEASE_MARGIN_SECONDS", 5)
DURABLE_NUDGE_GRACE = env.seconds("DURABLE_NUDGE_GRACE_SECONDS", 5)
DURABLE_ANSWERS_KEPT = env.seconds("DURABLE_ANSWERS_KEPT_SECONDS", 2_592_000)
DURABLE_STRETCH = env.seconds("DURABLE_STRETCH_SECONDS", 5)
WORKER_SOFT_SHUTDOWN = env.seconds("WORKER_SOFT_SHUTDOWN_SECONDS", 20)

# --- live progress --------------------------------------------------------------------------------------------------
EVENT_VISIBILITY = "apps.agents.registry.queries.visibility.visible_aggregates"
EVENT_REDUCERS = {"task": "apps.agents.registry.reducers.task"}  # kind of an aggregate -> state of its events
EVENT_PARTITIONS_AHEAD_MONTHS = env.whole("EVENT_PARTITIONS_AHEAD_MONTHS", 3)

# --- GitHub ---------------------------------------------------------------------------------------------------------
GITHUB_API_URL = env.url("GITHUB_API_URL", "https://api.github.com")
GITHUB_WEB_URL = env.url("GITHUB_WEB_URL", "https://github.com")
GITHUB_TOKEN = env.secret("GITHUB_TOKEN", "")
GITHUB_APP_ID = env.text("GITHUB_APP_ID", "")
GITHUB_APP_PRIVATE_KEY = env.secret("GITHUB_APP_PRIVATE_KEY", "")
GITHUB_TIMEOUT = env.seconds("GITHUB_TIMEOUT_SECONDS", 15)
GITHUB_WRITE_INTERVAL = env.seconds("GITHUB_WRITE_INTERVAL_SECONDS", 1)
GITHUB_WEBHOOK_SECRET = env.secret("GITHUB_WEBHOOK_SECRET", "")
WEBHOOK_URL = env.url("WEBHOOK_URL", "")

# --- boards ---------------------------------------------------------------------------------------------------------
BOARD_POLL_INTERVAL = env.seconds("BOARD_POLL_INTERVAL_SECONDS", 180)
BOARD_SAFETY_POLL_INTERVAL = env.seconds("BOARD_SAFETY_POLL_INTERVAL_SECONDS", 3600)

# --- Vault or OpenBao -----------------------------------------------------------------------------------------------
VAULT_ADDR = env.url("VAULT_ADDR", "")
VAULT_NAMESPACE = env.text("VAULT_NAMESPACE", "")
VAULT_MOUNT = env.text("VAULT_MOUNT", "secret")
VAULT_TOKEN = env.secret("VAULT_TOKEN", "")
VAULT_ROLE_ID = env.secret("VAULT_ROLE_ID", "")
VAULT_SECRET_ID = env.secret("VAULT_SECRET_ID", "")
VAULT_KUBERNETES_ROLE = env.text("VAULT_KUBERNETES_ROLE", "")
VAULT_KUBERNETES_MOUNT = env.text("VAULT_KUBERNETES_MOUNT", "kubernetes")
VAULT_KUBERNETES_TOKEN_FILE = env.text(
    "VAULT_KUBERNETES_TOKEN_FILE", "/var/run/secrets/kubernetes.io/serviceaccount/token"
)
VAULT_TIMEOUT = env.seconds("VAULT_TIMEOUT_SECONDS", 5)

# --- Kubernetes and Argo CD -----------------------------------------------------------------------------------------
KUBERNETES_API_URL = env.url("KUBERNETES_API_URL", "")
KUBERNETES_TOKEN = env.secret("KUBERNETES_TOKEN", "")
KUBERNETES_CA_FILE = env.text("KUBERNETES_CA_FILE", "")
KUBECONFIG = env.text("KUBECONFIG", "")
KUBERNETES_IN_CLUSTER = env.flag("KUBERNETES_IN_CLUSTER", default=False)
KUBERNETES_NAMESPACE = env.text("KUBERNETES_NAMESPACE", "mesh-six-envs")
KUBE_NAMESPACES = env.words("KUBE_NAMESPACES", KUBERNETES_NAMESPACE)  # kubectl-deployer's; empty allows none
_KINDS = "Deployment,StatefulSet,Service,ConfigMap,Ingress,Job,CronJob,HorizontalPodAutoscaler,PodDisruptionBudget"
KUBE_KINDS = env.words("KUBE_KINDS", f"{_KINDS},PersistentVolumeClaim")
KUBERNETES_TIMEOUT = env.seconds("KUBERNETES_TIMEOUT_SECONDS", 10)
ARGOCD_URL = env.url("ARGOCD_URL", "")
ARGOCD_TOKEN = env.secret("ARGOCD_TOKEN", "")
ARGOCD_APPLICATION = env.text("ARGOCD_APPLICATION", "mesh-six")
# What argocd-deployer may touch: names or patterns such as `web-*`; `NAMESPACE/NAME` where a task names a namespace.
ARGOCD_ALLOWED_APPLICATIONS = env.words("ARGOCD_ALLOWED_APPLICATIONS")
ARGOCD_TIMEOUT = env.seconds("ARGOCD_TIMEOUT_SECONDS", 15)
MESH_SIX_REPO = env.text("MESH_SIX_REPO", "")
MESH_SIX_REPO_BRANCH = env.text("MESH_SIX_REPO_BRANCH", "main")
MESH_SIX_K8S_ROOT = env.text("MESH_SIX_K8S_ROOT", "k8s")
ENVIRONMENT_STORAGE_CLASS = env.text("ENVIRONMENT_STORAGE_CLASS", "")
ENVIRONMENT_FALLBACK_IMAGE = env.text("ENVIRONMENT_FALLBACK_IMAGE", "")
ENVIRONMENT_CACHE_REPO = env.text("ENVIRONMENT_CACHE_REPO", "")

# --- models, storage, notices ---------------------------------------------------------------------------------------
LITELLM_URL = env.url("LITELLM_URL", "")
LITELLM_ADMIN_KEY = env.secret("LITELLM_ADMIN_KEY", "")
LITELLM_DEFAULT_MODEL = env.text("LITELLM_DEFAULT_MODEL", "claude-sonnet")
LITELLM_DEFAULT_BUDGET = env.text("LITELLM_DEFAULT_BUDGET", "50.00")
LITELLM_TIMEOUT = env.seconds("LITELLM_TIMEOUT_SECONDS", 15)
LLM_MODELS = {
    "fast": env.text("LLM_MODEL_FAST", ""),
    "standard": env.text("LLM_MODEL_STANDARD", ""),
    "strong": env.text("LLM_MODEL_STRONG", ""),
    "compress": env.text("LLM_MODEL_COMPRESS", ""),
    "embed": env.text("EMBEDDING_MODEL", ""),
}
LLM_TIMEOUT = env.seconds("LLM_TIMEOUT_SECONDS", 120)
LLM_LOG_PROMPTS = env.flag("LLM_LOG_PROMPTS", default=False)
AGENT_DAILY_BUDGET_USD = env.number("AGENT_DAILY_BUDGET_USD", 0)
PROMPTS_ROOT = BASE_DIR / "templates" / "plans" / "agents"
EMBEDDING_DIMENSION = env.whole("EMBEDDING_DIMENSION", 768)
CONTEXT_TOKENS = env.whole("CONTEXT_TOKENS", 6000)
PROMETHEUS_URL = env.url("PROMETHEUS_URL", "")
PROMETHEUS_TOKEN = env.secret("PROMETHEUS_TOKEN", "")
PROMETHEUS_CA_FILE = env.text("PROMETHEUS_CA_FILE", "")
PROMETHEUS_TIMEOUT = env.seconds("PROMETHEUS_TIMEOUT_SECONDS", 10)
S3_ENDPOINT_URL = env.url("S3_ENDPOINT_URL", "")
S3_BUCKET = env.text("S3_BUCKET", "mesh-six")
S3_REGION = env.text("S3_REGION", "us-east-1")
S3_ACCESS_KEY = env.secret("S3_ACCESS_KEY", "")
S3_SECRET_KEY = env.secret("S3_SECRET_KEY", "")
S3_TIMEOUT = env.seconds("S3_TIMEOUT_SECONDS", 10)
NTFY_URL = env.url("NTFY_URL", "")
NTFY_TOPIC = env.text("NTFY_TOPIC", "mesh-six")
NTFY_TOKEN = env.secret("NTFY_TOKEN", "")
NTFY_TIMEOUT = env.seconds("NTFY_TIMEOUT_SECONDS", 5)
NOTIFY_HOSTS = env.words("NOTIFY_HOSTS")
NOTIFY_TIMEOUT = env.seconds("NOTIFY_TIMEOUT_SECONDS", 10)
SEARCH_URL = env.url("SEARCH_URL", "")
FETCH_HOSTS = env.words("FETCH_HOSTS")
FETCH_TIMEOUT = env.seconds("FETCH_TIMEOUT_SECONDS", 20)
FETCH_AGENT = env.text("FETCH_AGENT", "mesh-six")

# --- who may bring in alerts and notices ----------------------------------------------------------------------------
ALERTMANAGER_WEBHOOK_TOKEN = env.secret("ALERTMANAGER_WEBHOOK_TOKEN", "")
GRAFANA_WEBHOOK_TOKEN = env.secret("GRAFANA_WEBHOOK_TOKEN", "")
GRAFANA_WEBHOOK_SECRET = env.secret("GRAFANA_WEBHOOK_SECRET", "")
ARGOCD_WEBHOOK_TOKEN = env.secret("ARGOCD_WEBHOOK_TOKEN", "")

# --- signing in to the coding agent's provider ------------------------------------------------------------------------
CLAUDE_OAUTH_AUTHORIZE_URL = env.url("CLAUDE_OAUTH_AUTHORIZE_URL", "")
CLAUDE_OAUTH_TOKEN_URL = env.url("CLAUDE_OAUTH_TOKEN_URL", "")
CLAUDE_OAUTH_DEVICE_URL = env.url("CLAUDE_OAUTH_DEVICE_URL", "")
CLAUDE_OAUTH_REDIRECT_URL = env.url("CLAUDE_OAUTH_REDIRECT_URL", "")
CLAUDE_OAUTH_CLIENT_ID = env.text("CLAUDE_OAUTH_CLIENT_ID", "")
CLAUDE_OAUTH_SCOPES = env.words("CLAUDE_OAUTH_SCOPES", "user:profile,user:inference")
CLAUDE_LOGIN_HOSTS = env.words("CLAUDE_LOGIN_HOSTS", "claude.ai,claude.com,console.anthropic.com")
ANTHROPIC_BASE_URL = env.url("ANTHROPIC_BASE_URL", "https://api.anthropic.com")
CLAUDE_TIMEOUT = env.seconds("CLAUDE_TIMEOUT_SECONDS", 15)
SIGN_IN_WAIT = env.seconds("SIGN_IN_WAIT_SECONDS", timedelta(hours=24).total_seconds())

# --- agents ---------------------------------------------------------------------------------------------------------
# agent_id -> dotted path of its class; the deployment's own stand before those of AGENTS.
AGENTS: dict[str, str] = {
    "simple-agent": "apps.agents.roster.services.simple_agent.SimpleAgent",
    "argocd-deployer": "apps.agents.roster.services.argocd_deployer.ArgocdDeployer",
    "architect-agent": "apps.agents.roster.services.architect_agent.ArchitectAgent",
    "context-service": "apps.agents.roster.services.context_service.ContextService",
    "kubectl-deployer": "apps.agents.roster.services.kubectl_deployer.KubectlDeployer",
    "notifier": "apps.agents.roster.services.notifier.Notifier",
    "researcher-agent": "apps.agents.roster.services.researcher_agent.ResearcherAgent",
} | env.pairs("AGENTS")
# What `vendor(NAME)` in an agent's checks means: dotted path of `check(clients) -> str`, which raises where it is away.
AGENT_VENDOR_CHECKS = {
    name: f"apps.agents.registry.vendors.{name}"
    for name in ("argocd", "kubernetes", "litellm", "ntfy", "storage", "vault")
}
RESEARCH_FETCHERS = {
    name: f"apps.agents.roster.research.fetchers.{name}" for name in ("search", "web", "repository", "memory")
} | env.pairs("RESEARCH_FETCHERS")
AGENT_CHECK_HOSTS = env.words("AGENT_CHECK_HOSTS")
AGENT_CHECK_TIMEOUT = env.seconds("AGENT_CHECK_TIMEOUT_SECONDS", 3)
AGENT_WORKER_THREADS = env.whole("AGENT_WORKER_THREADS", 0)
TASK_SWEEP_INTERVAL = env.seconds("TASK_SWEEP_INTERVAL_SECONDS", 5)
APPROVE_OWN_TASKS = env.flag("APPROVE_OWN_TASKS", default=False)
SMOKE_TARGETS = env.pairs("SMOKE_TARGETS")
TASK_RETENTION = timedelta(days=env.number("TASK_RETENTION_DAYS", 90))

# --- onboarding -----------------------------------------------------------------------------------------------------
ONBOARDING_DEFAULT_MODE = env.text("ONBOARDING_DEFAULT_MODE", "envbuilder")
ONBOARDING_GITHUB_ATTEMPTS = env.whole("ONBOARDING_GITHUB_ATTEMPTS", 6)
ONBOARDING_GITHUB_FIRST_PAUSE = env.seconds("ONBOARDING_GITHUB_FIRST_PAUSE_SECONDS", 2)
ONBOARDING_GITHUB_LONGEST_PAUSE = env.seconds("ONBOARDING_GITHUB_LONGEST_PAUSE_SECONDS", 120)
ONBOARDING_ATTEMPTS = env.whole("ONBOARDING_ATTEMPTS", 6)
ONBOARDING_FIRST_PAUSE = env.seconds("ONBOARDING_FIRST_PAUSE_SECONDS", 1)
ONBOARDING_LONGEST_PAUSE = env.seconds("ONBOARDING_LONGEST_PAUSE_SECONDS", 60)
ONBOARDING_STEP_TIMEOUT = env.seconds("ONBOARDING_STEP_TIMEOUT_SECONDS", 60)
DOCTOR_CHECK_TIME = env.seconds("DOCTOR_CHECK_SECONDS", 10)
DEVCONTAINER_FEATURE_REF = env.text("DEVCONTAINER_FEATURE_REF", "")
HOOK_PING_WAIT = env.seconds("HOOK_PING_WAIT_SECONDS", 60)
SYNC_POLL_INTERVAL = env.seconds("SYNC_POLL_INTERVAL_SECONDS", 2)
SYNC_WAIT = env.seconds("SYNC_WAIT_SECONDS", 300)
POD_POLL_INTERVAL = env.seconds("POD_POLL_INTERVAL_SECONDS", 10)
SHARED_HOST_SILENCE = env.seconds("SHARED_HOST_SILENCE_SECONDS", 4500)
POD_WAIT = env.seconds("POD_WAIT_SECONDS", 300)
WORK_ROOT = env.text("WORK_ROOT", str(BASE_DIR / ".meshsix" / "work"))

# --- webhooks and boards --------------------------------------------------------------------------------------------
HOOK_WATCH_INTERVAL = env.seconds("HOOK_WATCH_INTERVAL_SECONDS", 300)
WATCH_SWEEP_INTERVAL = env.seconds("WATCH_SWEEP_INTERVAL_SECONDS", 5)
# A project's own settings `filters` and `starts` replace these (apps/webhooks/README.md).
FILTER_ALLOWED_AUTHORS = env.words("FILTER_ALLOWED_AUTHORS")
FILTER_REQUIRED_LABELS = env.words("FILTER_REQUIRED_LABELS")
FILTER_EXCLUDE_LABELS = env.words("FILTER_EXCLUDE_LABELS")
FILTER_BRANCH_PATTERNS = env.words("FILTER_BRANCH_PATTERNS")
FILTER_EXCLUDE_DRAFTS = env.flag("FILTER_EXCLUDE_DRAFTS", default=False)
START_LABELS = env.words("START_LABELS")
START_ASSIGNEES = env.words("START_ASSIGNEES")
DELIVERY_PAYLOADS_KEPT = env.seconds("DELIVERY_PAYLOADS_KEPT_SECONDS", timedelta(days=30).total_seconds())

# --- API ------------------------------------------------------------------------------------------------------------
RATE_LIMITS = {
    "read": 600,
    "login": 10,
    "trigger": 100,
    "write": 100,
    "webhook-alertmanager": 600,
    "webhook-grafana": 600,
    "webhook-argocd": 600,
    "ntfy-reply": 60,
}
API_BODY_LIMIT_BYTES = 1024 * 1024
OVERVIEW_PANELS = ["decision-overview", "onboarding-overview"]  # URL names of the parts that the overview is made of
DECISION_SOURCES = ["apps.agents.registry.decisions.waiting", "apps.onboarding.decisions.waiting"]  # for the inbox
PROJECT_PANELS = ["project-hooks"]  # the same below a project's board; each takes owner and repo
METRIC_SOURCES = ["apps.webhooks.repair.health.families"]  # yield metrics from the database when Prometheus asks
PROBLEM_CATALOGS = [
    "meshsix.web.catalog.PROBLEMS",
    "apps.agents.registry.catalog.PROBLEMS",
    "apps.onboarding.catalog.PROBLEMS",
    "apps.projects.credentials.catalog.PROBLEMS",
    "apps.webhooks.repair.catalog.PROBLEMS",
    "apps.webhooks.catalog.PROBLEMS",
]
RATE_LIMITS_ON = env.flag("RATE_LIMITS_ON", default=True)
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "apps.projects.credentials.authentication.AccessTokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["meshsix.web.permissions.Viewer"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_PAGINATION_CLASS": "meshsix.web.pagination.CursorPages",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_THROTTLE_CLASSES": ["meshsix.web.throttling.Throttle"],
    "EXCEPTION_HANDLER": "meshsix.web.problems.exception_handler",
}
SPECTACULAR_SETTINGS = openapi.SETTINGS
MCP_SERVER = "meshsix.mcp.build"
READINESS_CHECKS = env.words("READINESS_CHECKS", "database,migrations,broker")

# --- Celery: settings in meshsix/celery.py read these ---------------------------------------------------------------
CELERY_QUEUES = ["webhooks", "onboarding", "agents", "sessions", "maintenance"]
