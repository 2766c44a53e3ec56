"""Bringing a commit to the cluster through a sandbox Argo CD, which reads the platform repository's git."""

import time
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from pytest_django import Settings

from apps.onboarding.steps.cluster import trigger_sync
from apps.onboarding.steps.manifests import generate_kube_manifests, update_kustomization
from apps.onboarding.words import Ask, Synced, SyncWanted
from meshsix.durable.outcomes import Permanent, Skipped
from meshsix.integrations.errors import Refused, TryLater
from meshsix.kit import names
from meshsix.wiring import Clients
from tests.cluster_bench import (
    Bench,
    ask,
    close,
    facts,
    kustomization_wanted,
    long_ago,
    manifests_wanted,
    sync_wanted,
)


def written(bench: Bench, asked: Ask) -> str:
    """Write the manifests; return the commit that is to reach the cluster."""
    generate_kube_manifests(manifests_wanted(asked), bench.clients)
    return update_kustomization(kustomization_wanted(asked), bench.clients).commit_sha


def followed(wanted: SyncWanted, clients: Clients, *, seconds: float = 60) -> Synced:
    """Call the step again and again, as the engine would, until it is done."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            return trigger_sync(wanted, clients)
        except TryLater as later:
            if later.counts:
                raise
            time.sleep(0.05)
    raise AssertionError("the sync did not end")


def argocd_fault(bench: Bench, name: str = "mesh-six", **what: object) -> None:
    """Say how the next operation of an application ends."""
    httpx.post(f"{bench.argocd.url}/_sandbox/applications/{name}", json=what, timeout=60).raise_for_status()


def syncs(bench: Bench) -> int:
    """Return how often a sync was asked for."""
    return sum("/sync" in each for each in bench.argocd.changes())


def test_that_very_commit_reaches_the_cluster_by_one_sync(bench: Bench) -> None:
    commit = written(bench, ask())
    synced = followed(sync_wanted(ask(), commit), bench.clients)
    assert synced == Synced(commit_sha=commit, by="argocd", application="mesh-six")
    assert bench.cluster.stateful_set(names.env_name(ask().repository)).replicas == 1
    assert syncs(bench) == 1


def test_nothing_is_asked_for_where_the_cluster_is_at_the_commit(bench: Bench) -> None:
    commit = written(bench, ask())
    followed(sync_wanted(ask(), commit), bench.clients)
    bench.forget_requests()
    assert trigger_sync(sync_wanted(ask(), commit), bench.clients).commit_sha == commit
    assert bench.changes() == []


def test_nothing_is_asked_for_where_the_cluster_is_past_the_commit(bench: Bench) -> None:
    earlier = written(bench, ask())
    later = written(bench, ask("octo-org/other"))
    followed(sync_wanted(ask(), later), bench.clients)
    bench.forget_requests()
    assert trigger_sync(sync_wanted(ask(), earlier), bench.clients).commit_sha == earlier
    assert syncs(bench) == 0


def test_another_operation_is_waited_for_and_costs_no_attempt(bench: Bench) -> None:
    earlier = written(bench, ask())
    later = written(bench, ask("octo-org/other"))
    argocd_fault(bench, fault="none", seconds=3)
    assert bench.clients.argocd is not None
    bench.clients.argocd.sync("mesh-six", revision=earlier, mark="somebody else")
    with pytest.raises(TryLater, match="busy") as caught:
        trigger_sync(sync_wanted(ask(), later), bench.clients)
    assert not caught.value.counts
    assert followed(sync_wanted(ask(), later), bench.clients).commit_sha == later


def test_a_sync_that_begins_between_look_and_call_is_waited_for(bench: Bench) -> None:
    commit = written(bench, ask())
    argocd_fault(bench, fault="none", seconds=10)
    assert bench.clients.argocd is not None
    bench.clients.argocd.sync("mesh-six", revision=commit, mark="somebody else")
    with pytest.raises(TryLater, match="busy") as caught:
        bench.clients.argocd.sync("mesh-six", revision=commit, mark="ours")
    assert not caught.value.counts


@pytest.mark.parametrize("phase", ["Failed", "Error"])
def test_a_failed_operation_ends_the_step_with_its_message_and_resuming_tries_again(bench: Bench, phase: str) -> None:
    commit = written(bench, ask())
    argocd_fault(bench, fault=phase, message="one or more objects failed to apply: quota exceeded")
    wanted = sync_wanted(ask(), commit)
    with pytest.raises(Permanent, match="quota exceeded") as caught:
        followed(wanted, bench.clients)
    assert caught.value.code == "onboard:sync:failed"
    argocd_fault(bench, fault="none")
    resumed = replace(wanted, this=replace(wanted.this, first_started_at=wanted.this.first_started_at + timedelta(1)))
    assert followed(resumed, bench.clients).commit_sha == commit


def test_a_lost_answer_starts_no_second_sync(bench: Bench) -> None:
    commit = written(bench, ask())
    argocd_fault(bench, fault="none", seconds=2)
    bench.argocd.fault("drop-after-effect", match={"path": "*/sync"})
    wanted = sync_wanted(ask(), commit)
    with pytest.raises(TryLater):
        trigger_sync(wanted, bench.clients)
    followed(wanted, bench.clients)
    assert syncs(bench) == 1


def test_an_application_that_syncs_by_itself_is_only_told_to_look(bench: Bench, settings: Settings) -> None:
    settings.ARGOCD_APPLICATION = "automated"
    commit = written(bench, ask())
    assert followed(sync_wanted(ask(), commit), bench.clients).commit_sha == commit
    assert syncs(bench) == 0


def test_an_application_that_fails_by_itself_ends_the_step_with_its_message(bench: Bench, settings: Settings) -> None:
    settings.ARGOCD_APPLICATION = "automated"
    wanted = sync_wanted(ask(), written(bench, ask()))
    wanted = replace(wanted, this=replace(wanted.this, first_started_at=wanted.this.first_started_at - timedelta(0, 2)))
    argocd_fault(bench, name="automated", fault="Failed", message="quota exceeded")
    with pytest.raises(Permanent, match="quota exceeded") as caught:
        followed(wanted, bench.clients)
    assert caught.value.code == "onboard:sync:failed"


def test_a_sync_that_takes_too_long_ends_with_what_was_seen_last(bench: Bench) -> None:
    commit = written(bench, ask())
    argocd_fault(bench, fault="none", seconds=30)
    assert bench.clients.argocd is not None
    bench.clients.argocd.sync("mesh-six", revision=commit, mark="stuck")
    with pytest.raises(Permanent, match="Running") as caught:
        trigger_sync(sync_wanted(ask(), commit, long_ago(facts())), bench.clients)
    assert caught.value.code == "onboard:sync:deadline"


def test_without_argocd_the_cluster_syncs_by_itself(bench: Bench, settings: Settings) -> None:
    settings.ARGOCD_URL = ""
    synced = trigger_sync(sync_wanted(ask(), "c0ffee"), Clients())
    assert synced == Synced(commit_sha="c0ffee", by="cluster", application="")
    assert bench.argocd.requests() == []


@pytest.mark.parametrize("mode", ["shared", "local"])
def test_modes_without_a_pod_have_nothing_to_sync(bench: Bench, mode: str) -> None:
    wanted = SyncWanted(ask=ask(execution_mode=mode), update_kustomization=None, this=facts())
    with pytest.raises(Skipped, match=mode):
        trigger_sync(wanted, bench.clients)


def test_an_unknown_application_names_the_setting(bench: Bench, settings: Settings) -> None:
    settings.ARGOCD_APPLICATION = "absent"
    with pytest.raises(Refused, match="absent") as caught:
        trigger_sync(sync_wanted(ask(), "c0ffee"), bench.clients)
    assert "ARGOCD_APPLICATION" in caught.value.hint


def test_a_bad_token_names_the_setting(bench: Bench, settings: Settings) -> None:
    settings.ARGOCD_TOKEN = "wrong"
    clients = Clients()
    with pytest.raises(Refused) as caught:
        trigger_sync(sync_wanted(ask(), "c0ffee"), clients)
    close(clients)
    assert (caught.value.code, "ARGOCD_TOKEN" in caught.value.hint) == ("argocd:unauthorized", True)
    assert bench.argocd.requests()
