"""The steps that keep the webhook's secret, the project's storage and its model budget: once, and only on change."""

import re
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from django.db import connection

from apps.onboarding.steps.models import configure_litellm
from apps.onboarding.steps.secrets import register_webhook_secret
from apps.onboarding.steps.storage import provision_backend
from apps.onboarding.words import Access, Ask, BackendWanted, ModelBudget, ModelsWanted, Registered, SecretWanted
from meshsix.durable.outcomes import Permanent, Skipped
from meshsix.integrations.errors import Refused, TryLater
from meshsix.integrations.litellm import LiteLLM
from meshsix.integrations.vault import Absent, Vault
from meshsix.kit import names
from meshsix.wiring import Clients
from tests.platform import eventually
from tests.sandboxes import Sandbox

pytestmark = pytest.mark.django_db


def access(owner: str = "octo-org", name: str = "") -> Access:
    return Access(
        owner=owner,
        name=name or f"repo{uuid.uuid4().hex[:8]}",
        owner_is_organization=True,
        owner_node_id="O",
        repository_id=1,
        repository_node_id="R",
        default_branch="main",
        private=False,
        html_url="https://github.example.org/x",
        clone_url="https://github.example.org/x.git",
        credential_kind="token",
        login="octo",
    )


def models_wanted(repository: Access, *, budget: str = "50.00", skip: bool = False) -> ModelsWanted:
    ask = Ask(
        repo_owner=repository.owner,
        repo_name=repository.name,
        display_name=repository.name,
        skip_litellm=skip,
        litellm=ModelBudget(team_alias="octo", default_model="claude-sonnet", max_budget=Decimal(budget)),
    )
    env_name = names.env_name(repository.repository)
    registered = Registered(project_id="p", env_name=env_name, credential_project_id=env_name, created=True)
    return ModelsWanted(ask=ask, validate_repo=repository, register_in_database=registered)


def test_the_webhook_secret_is_32_random_bytes_with_owner_and_repository(clients: Clients, vault: Vault) -> None:
    wanted = SecretWanted(validate_repo=access())
    made = register_webhook_secret(wanted, clients)
    found = vault.read(made.path)
    assert (made.version, made.created) == (1, True)
    assert re.fullmatch("[0-9a-f]{64}", found.data["secret"])
    assert (found.data["owner"], found.data["repo"]) == ("octo-org", wanted.validate_repo.name)
    again = register_webhook_secret(wanted, clients)
    assert (again.path, again.version, again.created) == (made.path, 1, False)
    assert found.data["secret"] not in repr(made)


@pytest.mark.django_db(transaction=True)
def test_of_two_at_once_one_writes_and_both_go_on_with_the_same_secret(clients: Clients, vault: Vault) -> None:
    wanted, start = SecretWanted(validate_repo=access()), threading.Barrier(6)

    def one(_: int) -> tuple[int, bool]:
        start.wait()
        try:
            kept = register_webhook_secret(wanted, clients)
        finally:
            connection.close()
        return kept.version, kept.created

    with ThreadPoolExecutor(6) as pool:
        seen = list(pool.map(one, range(6)))
    assert {version for version, _ in seen} == {1}
    assert [created for _, created in seen].count(True) == 1
    assert vault.read(names.webhook_path(wanted.validate_repo.repository)).version == 1


def test_a_secret_under_the_older_name_is_moved_if_it_is_this_repositorys(clients: Clients, vault: Vault) -> None:
    tail = uuid.uuid4().hex[:8]
    mine, other = access("a-b", tail), access("a", f"b-{tail}")
    older = names.legacy_webhook_path(mine.repository)
    assert older == names.legacy_webhook_path(other.repository), "the older name is ambiguous"
    vault.write(older, {"secret": "planted-older", "owner": "A-B", "repo": tail}, cas=0)
    foreign = register_webhook_secret(SecretWanted(validate_repo=other), clients)
    assert vault.read(foreign.path).data["secret"] != "planted-older"
    assert vault.read(older).version == 1
    moved = register_webhook_secret(SecretWanted(validate_repo=mine), clients)
    assert vault.read(moved.path).data["secret"] == "planted-older"
    with pytest.raises(Absent):
        vault.read(older)
    vault.write(older, {"secret": "planted-older", "owner": "a-b", "repo": tail}, cas=0)
    register_webhook_secret(SecretWanted(validate_repo=mine), clients)
    with pytest.raises(Absent):
        vault.read(older)


def test_what_is_not_this_repositorys_secret_is_never_overwritten(clients: Clients, vault: Vault) -> None:
    wanted = SecretWanted(validate_repo=access())
    path = names.webhook_path(wanted.validate_repo.repository)
    vault.write(path, {"secret": "planted-foreign", "owner": "somebody", "repo": "else"}, cas=0)
    with pytest.raises(Permanent) as failed:
        register_webhook_secret(wanted, clients)
    assert failed.value.code == "onboard:vault:foreign-secret"
    assert vault.read(path).version == 1


def test_a_deleted_secret_is_made_anew(clients: Clients, vault: Vault) -> None:
    wanted = SecretWanted(validate_repo=access())
    made = register_webhook_secret(wanted, clients)
    vault.delete(made.path)
    assert register_webhook_secret(wanted, clients).version == 2


def test_storage_has_a_bucket_and_a_marker_and_is_only_read_then(clients: Clients, s3: Sandbox) -> None:
    wanted = BackendWanted(validate_repo=access())
    made = provision_backend(wanted, clients)
    assert made.prefix == f"repos/octo-org/{wanted.validate_repo.name}/"
    assert made.queue.startswith("env.env-octo-org")
    assert made.created
    s3.forget_requests()
    again = provision_backend(wanted, clients)
    assert (again.bucket, again.created) == (made.bucket, False)
    assert s3.changes() == []
    assert b"octo-org" in clients.storage.get(f"{made.prefix}.mesh-six.json")


def test_a_storage_that_fails_is_tried_again_and_one_that_refuses_is_not(clients: Clients, s3: Sandbox) -> None:
    wanted = BackendWanted(validate_repo=access())
    s3.fault("answer", status=503, times=1)
    with pytest.raises(TryLater):
        provision_backend(wanted, clients)
    s3.fault("drop-after-effect", times=1, match={"method": "PUT"})
    with pytest.raises(TryLater):
        provision_backend(wanted, clients)
    assert provision_backend(wanted, clients).created
    s3.fault("answer", status=403, times=1)
    with pytest.raises(Refused) as refused:
        provision_backend(wanted, clients)
    assert "S3_ACCESS_KEY" in refused.value.hint


def test_a_team_with_budget_and_one_key_are_made_and_then_only_read(
    clients: Clients, vault: Vault, litellm: LiteLLM, litellm_sandbox: Sandbox
) -> None:
    wanted = models_wanted(access())
    made = configure_litellm(wanted, clients)
    assert made.changed
    team = litellm.team(made.team_id)
    assert (team.max_budget, team.budget_duration, team.models) == (Decimal("50.00"), "30d", ("claude-sonnet",))
    (key,) = litellm.keys_named(made.key_alias)
    value = vault.read(made.key_path).data["key"]
    assert key.is_key(value)
    assert value not in repr(made)
    litellm_sandbox.forget_requests()
    assert not configure_litellm(wanted, clients).changed
    assert litellm_sandbox.changes() == []
    assert value not in repr(litellm_sandbox.requests()), "no key ever stands in an address"


def test_a_changed_budget_changes_the_team_and_keeps_the_key(clients: Clients, vault: Vault, litellm: LiteLLM) -> None:
    repository = access()
    made = configure_litellm(models_wanted(repository), clients)
    before = vault.read(made.key_path)
    assert configure_litellm(models_wanted(repository, budget="75.50"), clients).changed
    assert litellm.team(made.team_id).max_budget == Decimal("75.50")
    assert vault.read(made.key_path) == before


@pytest.mark.parametrize("path", ["/team/new", "/key/generate", "/key/delete"])
def test_an_answer_lost_after_any_change_leaves_one_team_and_one_key(
    clients: Clients, vault: Vault, litellm: LiteLLM, litellm_sandbox: Sandbox, path: str
) -> None:
    wanted = models_wanted(access())
    if path == "/key/delete":
        made = configure_litellm(wanted, clients)
        vault.remove(made.key_path)
    litellm_sandbox.fault("drop-after-effect", times=1, match={"path": path})
    with pytest.raises(TryLater):
        configure_litellm(wanted, clients)
    made = configure_litellm(wanted, clients)
    (key,) = litellm.keys_named(made.key_alias)
    assert key.is_key(vault.read(made.key_path).data["key"])


def test_a_key_whose_value_was_lost_before_vault_is_replaced(clients: Clients, vault: Vault, litellm: LiteLLM) -> None:
    wanted = models_wanted(access())
    alias = names.litellm_key_alias(wanted.validate_repo.repository)
    team_id = names.litellm_team_id(wanted.validate_repo.repository)
    configure_litellm(wanted, clients)
    (first,) = litellm.keys_named(alias)
    litellm.delete_key(first)
    lost = litellm.generate_key(alias=alias, team_id=team_id, models=("claude-sonnet",))
    made = configure_litellm(wanted, clients)
    (key,) = litellm.keys_named(alias)
    assert not key.is_key(lost)
    assert key.is_key(vault.read(made.key_path).data["key"])


def test_an_attempt_that_is_overtaken_between_its_looks_leaves_the_key_that_the_other_has_kept(
    clients: Clients, vault: Vault, litellm: LiteLLM, litellm_sandbox: Sandbox
) -> None:
    wanted = models_wanted(access())
    litellm_sandbox.fault("slow", match={"path": "/key/list"}, seconds=3)
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(configure_litellm, wanted, clients)
        eventually(lambda: any(entry["path"] == "/key/list" for entry in litellm_sandbox.requests()))
        made = configure_litellm(wanted, clients)
        late.result()
    (key,) = litellm.keys_named(made.key_alias)
    kept = vault.read(made.key_path)
    assert key.is_key(kept.data["key"])
    assert kept.version == 1


def test_without_litellm_the_step_is_skipped_with_its_reason(clients: Clients) -> None:
    with pytest.raises(Skipped, match="asked for no model budget"):
        configure_litellm(models_wanted(access(), skip=True), clients)
    clients.__dict__["litellm"] = None
    with pytest.raises(Skipped, match="not configured"):
        configure_litellm(models_wanted(access()), clients)
