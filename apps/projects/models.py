"""The registry: which repositories are onboarded, with their boards, hooks, environments and settings."""

import uuid

from django.contrib.auth.models import Group
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower

from meshsix.kit import clock, ids


class ProjectStatus(models.TextChoices):
    """Where a repository stands with the platform."""

    ONBOARDING = "onboarding", "Onboarding has not finished yet"
    ACTIVE = "active", "Ready for agents"
    OFFBOARDED = "offboarded", "Taken off the platform; its history stays"


class Project(models.Model):
    """An onboarded repository. The table's name and main columns are kept for those who query it by hand.

    `repository_id` is GitHub's number, which a rename and a transfer leave as it is; `former_names` are lower-case
    `owner/name` under which older events of the project stand.
    """

    id = models.UUIDField(primary_key=True, default=ids.new_id, editable=False)
    service_name = models.CharField(max_length=100)
    owner = models.CharField(max_length=39)
    name = models.CharField(max_length=100)
    repository_id = models.BigIntegerField(null=True, blank=True)
    repo_url = models.URLField(max_length=300)
    platform = models.CharField(max_length=20, default="github")
    default_branch = models.CharField(max_length=255)
    cicd_type = models.CharField(max_length=40, default="github-actions")
    trigger_method = models.CharField(max_length=20, default="webhook")
    board_id = models.CharField(max_length=100, blank=True)
    board_number = models.PositiveIntegerField(null=True, blank=True)
    execution_mode = models.CharField(max_length=20)
    env_name = models.CharField(max_length=52, unique=True)
    auth_project_id = models.CharField(max_length=64, blank=True)
    status = models.CharField(max_length=20, choices=ProjectStatus, default=ProjectStatus.ONBOARDING)
    former_names = ArrayField(models.CharField(max_length=140), default=list, blank=True)
    metadata = models.JSONField(default=dict)
    settings = models.JSONField(default=dict)
    groups = models.ManyToManyField(Group, blank=True, related_name="projects")
    created_at = models.DateTimeField(default=clock.now, editable=False)
    updated_at = models.DateTimeField(default=clock.now)

    class Meta:
        """Owner and name are unique without regard to case, as at GitHub."""

        db_table = "repo_registry"
        ordering = ("owner", "name")
        constraints = [
            models.UniqueConstraint(Lower("owner"), Lower("name"), name="repo_registry_owner_name"),
            models.CheckConstraint(
                condition=models.Q(execution_mode__in=["envbuilder", "shared", "local"]), name="repo_registry_mode"
            ),
            models.CheckConstraint(condition=models.Q(status__in=ProjectStatus.values), name="repo_registry_status"),
            models.CheckConstraint(
                condition=models.Q(trigger_method__in=["webhook", "poll"]), name="repo_registry_trigger"
            ),
        ]
        indexes = [models.Index(fields=["repository_id"], name="repo_registry_repository_id")]

    def __str__(self) -> str:
        return self.full_name

    @property
    def full_name(self) -> str:
        """Return `owner/name`."""
        return f"{self.owner}/{self.name}"


class HookKind(models.TextChoices):
    """Whose hook it is."""

    REPOSITORY = "repository", "Hook of one repository"
    ORGANIZATION = "organization", "Hook of an organization, for its boards"


class Hook(models.Model):
    """A webhook at GitHub that points at us. `key` is the opaque part of its address; the secret lies in Vault.

    `secret_version` is the version in Vault that GitHub was last given; `secret_announced` that which it is given now
    while it is rotated: the doors read it before GitHub uses it. `secret_given_at` is when GitHub was given the
    version; `doubted_at` from when on only a new ping proves the hook.
    """

    key = models.CharField(primary_key=True, max_length=64)
    kind = models.CharField(max_length=20, choices=HookKind)
    owner = models.CharField(max_length=39)
    project = models.ForeignKey(Project, null=True, blank=True, on_delete=models.CASCADE, related_name="hooks")
    github_id = models.BigIntegerField(null=True, blank=True)
    secret_path = models.CharField(max_length=300)
    secret_version = models.PositiveIntegerField(null=True, blank=True)
    secret_announced = models.PositiveIntegerField(null=True, blank=True)
    secret_given_at = models.DateTimeField(null=True, blank=True)
    events = models.JSONField(default=list)
    verified_at = models.DateTimeField(null=True, blank=True)
    doubted_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        """One hook a repository, one an organization."""

        db_table = "github_hooks"
        constraints = [
            models.UniqueConstraint(
                fields=["project"], condition=models.Q(kind="repository"), name="github_hooks_one_per_project"
            ),
            models.UniqueConstraint(
                Lower("owner"), condition=models.Q(kind="organization"), name="github_hooks_one_per_organization"
            ),
            models.CheckConstraint(
                condition=models.Q(kind="organization", project__isnull=True)
                | models.Q(kind="repository", project__isnull=False),
                name="github_hooks_kind_fits",
            ),
        ]
        indexes = [models.Index(fields=["github_id"], name="github_hooks_github_id")]

    def __str__(self) -> str:
        return f"{self.kind} hook of {self.owner}"


SHARED_HOST = "shared"
"""The name of the environment that all projects in mode `shared` have in common; no derived name looks like it."""


class Environment(models.Model):
    """Where a project's agents work, and when its runner last said hello.

    `instance_id` names the runner's process; `pod_uid` is empty where it runs outside of a cluster.
    """

    env_name = models.CharField(primary_key=True, max_length=52)
    project = models.OneToOneField(Project, null=True, blank=True, on_delete=models.CASCADE, related_name="environment")
    instance_id = models.CharField(max_length=100, blank=True)
    pod_uid = models.CharField(max_length=100, blank=True)
    said_hello_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """Each environment is of one project, but for the shared one."""

        db_table = "environments"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(project__isnull=False) ^ models.Q(env_name=SHARED_HOST), name="environments_project"
            ),
        ]

    def __str__(self) -> str:
        return self.env_name


def new_hook_key() -> str:
    """Return an opaque key for a hook's address: 128 random bits."""
    return uuid.uuid4().hex
