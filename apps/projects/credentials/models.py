"""Facts about credentials, sign-ins and access tokens. A secret never is in a row: its Vault path or its hash is."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from apps.projects.credentials.states import OPEN, LoginState
from meshsix.kit import clock, ids


class Scope(models.TextChoices):
    """What an access token may be used for; its owner's role bounds it further."""

    READ = "read", "See everything but secrets"
    OPERATE = "operate", "Start, resume, cancel, submit a sign-in code"
    APPROVE = "approve", "Approve or reject"
    ADMIN = "admin", "Whatever its owner may do as an admin"
    METRICS = "metrics", "Read the metrics"
    RUNNER = "runner", "Say hello as the runner of an environment"
    AGENT = "agent", "Work as one agent outside"


class TokenClass(models.TextChoices):
    """Whose token it is."""

    PERSONAL = "personal", "A person's own"
    SERVICE = "service", "A program's, bound to what it is for"
    RUNNER = "runner", "An environment's runner"
    AGENT = "agent", "An agent outside"


class AccessToken(models.Model):
    """`m6_{id}_{secret}`: the secret is shown once and stored as its SHA-256.

    `projects` are the ids that it is bound to, empty for all that its owner may see. They are plain ids: a project that
    is deleted must not widen the tokens that were bound to it. An agent's token is for one `agent_id` and the
    `capabilities` that it may offer.
    """

    id = models.UUIDField(primary_key=True, default=ids.new_id, editable=False)
    name = models.CharField(max_length=100, blank=True)
    token_class = models.CharField(max_length=20, choices=TokenClass, db_column="class")
    scopes = ArrayField(models.CharField(max_length=20, choices=Scope))
    projects = ArrayField(models.UUIDField(), default=list, blank=True)
    environment = models.CharField(max_length=52, blank=True, db_index=True)
    agent_id = models.CharField(max_length=60, blank=True)
    capabilities = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    sha256 = models.CharField(max_length=64, unique=True, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="access_tokens")
    created_by = models.CharField(max_length=150)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """Scopes and classes are those we know."""

        db_table = "access_tokens"
        ordering = ("-created_at", "-id")
        indexes = [models.Index(fields=["owner", "-created_at"], name="access_tokens_owner")]
        constraints = [
            models.CheckConstraint(condition=Q(scopes__contained_by=Scope.values), name="access_tokens_scopes"),
            models.CheckConstraint(condition=Q(scopes__len__gt=0), name="access_tokens_some_scope"),
            models.CheckConstraint(condition=Q(token_class__in=TokenClass.values), name="access_tokens_class"),
            models.CheckConstraint(
                condition=~Q(token_class=TokenClass.RUNNER) | Q(scopes=[Scope.RUNNER]), name="access_tokens_runner"
            ),
            models.CheckConstraint(
                condition=Q(token_class=TokenClass.AGENT, scopes=[Scope.AGENT], capabilities__len__gt=0)
                & ~Q(agent_id="")
                | ~Q(token_class=TokenClass.AGENT)
                & ~Q(scopes__contains=[Scope.AGENT])
                & Q(agent_id="", capabilities__len=0),
                name="access_tokens_agent",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.token_class} token {self.name or self.id}"


class CredentialProject(models.Model):
    """Whose sign-in a coding agent uses. Several repositories may share one."""

    id = models.CharField(primary_key=True, max_length=64)
    display_name = models.CharField(max_length=100, blank=True)
    claude_account_uuid = models.CharField(max_length=64, blank=True)
    claude_org_uuid = models.CharField(max_length=64, blank=True)
    claude_email = models.CharField(max_length=254, blank=True)
    settings_json = models.TextField(blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        """Table of credential projects."""

        db_table = "auth_projects"

    def __str__(self) -> str:
        return self.id


class CredentialKind(models.TextChoices):
    """What kind of credential it is; the words of meshsix.integrations.claude.Kind."""

    OAUTH = "oauth", "Signed in; lives for hours and has a chain of refresh tokens"
    SETUP_TOKEN = "setup_token", "Long-lived token, inference only"
    API_KEY = "api_key", "API key"


class CredentialSource(models.TextChoices):
    """How a credential came in."""

    LOGIN = "login", "A sign-in"
    PUSH = "push", "Pushed by a person"


class Credential(models.Model):
    """One credential: facts, and the Vault path below which its secrets lie. `proven_at` is when a call proved it."""

    id = models.UUIDField(primary_key=True, editable=False)
    project = models.ForeignKey(CredentialProject, on_delete=models.CASCADE, related_name="credentials")
    kind = models.CharField(max_length=20, choices=CredentialKind)
    source = models.CharField(max_length=20, choices=CredentialSource)
    pushed_by = models.CharField(max_length=150, blank=True)
    vault_path = models.CharField(max_length=300)
    has_refresh_token = models.BooleanField()
    expires_at = models.DateTimeField(null=True, blank=True)
    account_uuid = models.CharField(max_length=64, blank=True)
    email_address = models.CharField(max_length=254, blank=True)
    organization_uuid = models.CharField(max_length=64, blank=True)
    scopes = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    fingerprint = models.CharField(max_length=12)
    proven_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    invalidated_at = models.DateTimeField(null=True, blank=True)
    invalidated_reason = models.CharField(max_length=40, blank=True)

    class Meta:
        """At most one active credential a project."""

        db_table = "auth_credentials"
        ordering = ("-created_at", "-id")
        constraints = [
            models.UniqueConstraint(
                fields=["project"], condition=Q(invalidated_at__isnull=True), name="auth_credentials_one_active"
            ),
            models.CheckConstraint(condition=Q(kind__in=CredentialKind.values), name="auth_credentials_kind"),
            models.CheckConstraint(condition=Q(source__in=CredentialSource.values), name="auth_credentials_source"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.project_id} ({self.fingerprint})"


class LoginMethod(models.TextChoices):
    """How a person signs in; the words of onboarding's `auth_method`."""

    LOGIN = "login", "Open a link, paste the code that it shows"
    SETUP_TOKEN = "setup_token", "Paste a long-lived token made elsewhere"
    API_KEY = "api_key", "Paste an API key"
    DEVICE = "device", "Type a short code at another device"


class Login(models.Model):
    """An open or past sign-in. Verifier, device code and what was pasted lie in Vault at `secret_path`.

    `round` counts the waits: it is part of a wait's name, so that each answer belongs to one link.
    """

    id = models.UUIDField(primary_key=True, default=ids.new_id, editable=False)
    project = models.ForeignKey(CredentialProject, on_delete=models.CASCADE, related_name="logins")
    run_id = models.UUIDField(db_index=True)
    method = models.CharField(max_length=20, choices=LoginMethod)
    state = models.CharField(
        max_length=20, choices=[(state.value, state.value) for state in LoginState], default=LoginState.WAITING
    )
    url = models.TextField(blank=True)
    user_code = models.CharField(max_length=40, blank=True)
    round = models.PositiveIntegerField(default=1)
    refusals = models.PositiveIntegerField(default=0)
    poll_seconds = models.PositiveIntegerField(null=True, blank=True)
    link_expires_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField()
    secret_path = models.CharField(max_length=300)
    created_by = models.CharField(max_length=150)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    notified_at = models.DateTimeField(null=True, blank=True)
    error_code = models.CharField(max_length=80, blank=True)
    credential = models.ForeignKey(Credential, null=True, blank=True, on_delete=models.SET_NULL, related_name="logins")

    class Meta:
        """At most one open sign-in a project."""

        db_table = "auth_logins"
        ordering = ("-created_at", "-id")
        constraints = [
            models.UniqueConstraint(fields=["project"], condition=Q(state__in=OPEN), name="auth_logins_one_open"),
            models.CheckConstraint(condition=Q(method__in=LoginMethod.values), name="auth_logins_method"),
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in LoginState]), name="auth_logins_state"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.method} of {self.project_id}: {self.state}"

    @property
    def wait_name(self) -> str:
        """Return the name of the wait that an answer to the present link ends."""
        return f"sign-in:{self.id}" if self.round == 1 else f"sign-in:{self.id}:{self.round}"
