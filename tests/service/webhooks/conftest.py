"""What the tests of deliveries stand on: a project whose hook the door believes."""

from collections.abc import Iterator

import pytest

from apps.projects.models import Hook, Project
from apps.webhooks import keyring
from apps.webhooks.doors import known_hooks
from deploy.local.servers import OpenBao
from meshsix import wiring
from tests import boards, deliveries


@pytest.fixture
def _vault(vault_environment: OpenBao) -> Iterator[None]:  # noqa: ARG001 - settings point to it
    wiring.clients.cache_clear()
    keyring.KEYRING.forget()
    known_hooks.HOOKS.forget()
    yield
    wiring.clients.cache_clear()


@pytest.fixture
def project(transactional_db: None) -> Project:  # noqa: ARG001 - commits are real
    """octo-org/bookmarks, onboarded."""
    return boards.project(repository_id=1296269)


@pytest.fixture
def repository_hook(_vault: None, project: Project) -> Hook:
    """Its hook."""
    return deliveries.proven(project)
