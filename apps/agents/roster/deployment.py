"""What deploy-service takes, from whichever deployer offers it: the payload alone must not say who deploys."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

Name = Annotated[str, Field(pattern=r"^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?)?$", max_length=253)]
"""A name of Kubernetes, or empty."""

Revision = Annotated[str, Field(pattern=r"^([A-Za-z0-9][A-Za-z0-9._/+-]*)?$", max_length=200)]
"""A commit, branch or tag, or empty."""

Address = Annotated[str, Field(pattern=r"^(https?://[^\s]+)?$", max_length=2000)]


@dataclass(frozen=True, kw_only=True)
class SourceWanted:
    """Where manifests lie: the folder `path` of a repository at a revision; empty: the repository's head."""

    repo_url: Address
    path: Annotated[str, Field(min_length=1, max_length=500)] = "."
    target_revision: Revision = ""


@dataclass(frozen=True, kw_only=True)
class DestinationWanted:
    """Where objects go; without `server` the cluster in which Argo CD runs."""

    server: Address = ""
    namespace: Name = ""


@dataclass(frozen=True, kw_only=True)
class DeployWanted:
    """What is to be deployed, and what is to be done with it.

    `service` and `application` are two names for one thing; `application` is meant where both are given. `plan_hash`
    is that of the plan which somebody saw: a change to anything else is not made. With `wait` off the change is begun
    and not followed. `manifests` are objects of Kubernetes, applied in `namespace`; a deployer from a repository
    takes none.
    """

    action: Annotated[str, Field(pattern=r"^[a-z][a-z-]*$", max_length=60)] = "sync"
    service: Name = ""
    application: Name = ""
    argocd_project: Name = ""
    app_namespace: Name = ""
    revision: Revision = ""
    source: SourceWanted | None = None
    destination: DestinationWanted | None = None
    history_id: Annotated[int, Field(ge=0)] | None = None
    wait: bool = True
    plan_hash: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""
    namespace: Name = ""
    manifests: Annotated[tuple[Mapping[str, Any], ...], Field(max_length=100)] = ()
