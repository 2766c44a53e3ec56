"""What the steps of onboarding say to each other: one frozen dataclass in, one out. No secret ever is in one of them.

The inputs' field names are the names of the steps whose outputs they are (see meshsix/durable/definition.py).
"""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from meshsix.durable.definition import Answer, StepFacts
from meshsix.kit import names


class ExecutionMode(StrEnum):
    """Where the agents of a repository work."""

    ENVBUILDER = "envbuilder"
    SHARED = "shared"
    LOCAL = "local"


class AuthMethod(StrEnum):
    """How the coding agent's provider is signed in to."""

    LOGIN = "login"
    SETUP_TOKEN = "setup_token"  # noqa: S105 - the name of a method
    API_KEY = "api_key"
    DEVICE = "device"


class BoardEvents(StrEnum):
    """How moves on the board reach us."""

    WEBHOOK = "webhook"
    POLL = "poll"


@dataclass(frozen=True, kw_only=True)
class Resources:
    """Kubernetes quantities of the environment."""

    memory_request: str = "2Gi"
    memory_limit: str = "8Gi"
    cpu_request: str = "1"
    cpu_limit: str = "4"
    storage_worktrees: str = "20Gi"
    storage_claude: str = "1Gi"


@dataclass(frozen=True, kw_only=True)
class ModelBudget:
    """The project's team at LiteLLM; `max_budget` is USD a month."""

    team_alias: str
    default_model: str
    max_budget: Decimal


@dataclass(frozen=True, kw_only=True)
class ProjectSettings:
    """Settings of a project that onboarding stores."""

    cloudflare_domain: str = ""
    terminal_streaming_rate_ms: int = 250
    commit_devcontainer_directly: bool = False


@dataclass(frozen=True, kw_only=True)
class Ask:
    """What somebody asked for; checked at the border. `default_branch` is empty where GitHub decides."""

    repo_owner: str
    repo_name: str
    display_name: str
    default_branch: str = ""
    execution_mode: ExecutionMode = ExecutionMode.ENVBUILDER
    skip_auth: bool = False
    skip_litellm: bool = False
    auth_method: AuthMethod = AuthMethod.LOGIN
    resource_limits: Resources = field(default_factory=Resources)
    litellm: ModelBudget
    settings: ProjectSettings = field(default_factory=ProjectSettings)
    adopt_board: int | None = None

    @property
    def repository(self) -> names.RepositoryName:
        """Return the checked name."""
        return names.RepositoryName(owner=self.repo_owner, name=self.repo_name)


@dataclass(frozen=True, kw_only=True)
class Access:
    """The repository as GitHub spells it, and what we may do there."""

    owner: str
    name: str
    owner_is_organization: bool
    owner_node_id: str
    repository_id: int
    repository_node_id: str
    default_branch: str
    private: bool
    html_url: str
    clone_url: str
    credential_kind: str
    login: str

    @property
    def repository(self) -> names.RepositoryName:
        """Return the name in GitHub's own spelling; every derived name is made of this one."""
        return names.RepositoryName(owner=self.owner, name=self.name)


@dataclass(frozen=True, kw_only=True)
class BoardReady:
    """The Projects v2 board. `field_ids` by field name; options by field name, then option name."""

    board_id: str
    number: int
    title: str
    url: str
    field_ids: dict[str, str]
    option_ids: dict[str, dict[str, str]]
    adopted: bool
    changed: bool


@dataclass(frozen=True, kw_only=True)
class SecretKept:
    """Where the webhook secret lies in Vault."""

    path: str
    version: int
    created: bool


@dataclass(frozen=True, kw_only=True)
class Backend:
    """Storage and queue of the project."""

    bucket: str
    prefix: str
    queue: str
    created: bool


@dataclass(frozen=True, kw_only=True)
class Registered:
    """The registry row and the credential record."""

    project_id: str
    env_name: str
    credential_project_id: str
    created: bool


@dataclass(frozen=True, kw_only=True)
class HooksReady:
    """The verified webhooks. `organization_hook_id` is None for user-owned repositories."""

    repository_hook_id: int
    organization_hook_id: int | None
    board_events: BoardEvents
    settings_url: str
    changed: bool


@dataclass(frozen=True, kw_only=True)
class Scaffolded:
    """The devcontainer. `outcome` is `present`, `committed`, `proposed` or `declined`; `url` leads to what was made."""

    outcome: str
    path: str
    url: str
    pull_request: int | None
    commit_sha: str


@dataclass(frozen=True, kw_only=True)
class ManifestsWritten:
    """The environment's manifests in the platform repository."""

    folder: str
    commit_sha: str
    url: str
    files: tuple[str, ...]
    changed: bool


@dataclass(frozen=True, kw_only=True)
class KustomizationUpdated:
    """The base kustomization that lists the environment; `commit_sha` is the commit to bring to the cluster."""

    path: str
    commit_sha: str
    url: str
    changed: bool


@dataclass(frozen=True, kw_only=True)
class Synced:
    """The cluster holds `commit_sha`; `by` is `argocd` or `cluster` (it syncs by itself)."""

    commit_sha: str
    by: str
    application: str


@dataclass(frozen=True, kw_only=True)
class PodHealthy:
    """The environment answers. In mode local `name` is this machine's work folder."""

    name: str
    instance_id: str
    said_hello_at: str


@dataclass(frozen=True, kw_only=True)
class SignedIn:
    """The open sign-in, answered: the secret parts lie in Vault under `login_id`."""

    login_id: str
    method: AuthMethod


@dataclass(frozen=True, kw_only=True)
class CredentialStored:
    """The project's active credential: facts only."""

    credential_id: str
    kind: str
    fingerprint: str
    expires_at: str
    proven: bool


@dataclass(frozen=True, kw_only=True)
class ModelsReady:
    """Team and key at LiteLLM; the key's value lies in Vault at `key_path`."""

    team_id: str
    key_alias: str
    key_path: str
    max_budget: Decimal
    changed: bool


@dataclass(frozen=True, kw_only=True)
class SettingsStored:
    """Names of the settings that were changed."""

    changed: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class BoardWanted:
    """Input of create_project_board. The answer names the board to take: `board` is its number, 0 for a new one."""

    ask: Ask
    validate_repo: Access
    answer: Answer | None
    this: StepFacts


@dataclass(frozen=True, kw_only=True)
class SecretWanted:
    """Input of register_webhook_secret."""

    validate_repo: Access


@dataclass(frozen=True, kw_only=True)
class BackendWanted:
    """Input of provision_backend."""

    validate_repo: Access


@dataclass(frozen=True, kw_only=True)
class RegistryWanted:
    """Input of register_in_database."""

    ask: Ask
    validate_repo: Access
    create_project_board: BoardReady
    register_webhook_secret: SecretKept
    provision_backend: Backend


@dataclass(frozen=True, kw_only=True)
class HooksWanted:
    """Input of register_webhook."""

    ask: Ask
    validate_repo: Access
    register_webhook_secret: SecretKept
    register_in_database: Registered
    answer: Answer | None
    this: StepFacts


@dataclass(frozen=True, kw_only=True)
class DevcontainerWanted:
    """Input of scaffold_devcontainer."""

    ask: Ask
    validate_repo: Access
    register_in_database: Registered


@dataclass(frozen=True, kw_only=True)
class ManifestsWanted:
    """Input of generate_kube_manifests."""

    ask: Ask
    validate_repo: Access
    register_in_database: Registered


@dataclass(frozen=True, kw_only=True)
class KustomizationWanted:
    """Input of update_kustomization."""

    ask: Ask
    register_in_database: Registered
    generate_kube_manifests: ManifestsWritten | None


@dataclass(frozen=True, kw_only=True)
class SyncWanted:
    """Input of trigger_sync."""

    ask: Ask
    update_kustomization: KustomizationUpdated | None
    this: StepFacts


@dataclass(frozen=True, kw_only=True)
class PodWanted:
    """Input of verify_pod_health."""

    ask: Ask
    validate_repo: Access
    register_in_database: Registered
    trigger_sync: Synced | None
    this: StepFacts


@dataclass(frozen=True, kw_only=True)
class SignInWanted:
    """Input of initiate_claude_oauth."""

    ask: Ask
    register_in_database: Registered
    answer: Answer | None
    this: StepFacts


@dataclass(frozen=True, kw_only=True)
class CredentialWanted:
    """Input of store_claude_credentials."""

    ask: Ask
    register_in_database: Registered
    initiate_claude_oauth: SignedIn | None
    answer: Answer | None
    this: StepFacts


@dataclass(frozen=True, kw_only=True)
class ModelsWanted:
    """Input of configure_litellm."""

    ask: Ask
    validate_repo: Access
    register_in_database: Registered


@dataclass(frozen=True, kw_only=True)
class SettingsWanted:
    """Input of configure_app_settings."""

    ask: Ask
    register_in_database: Registered
