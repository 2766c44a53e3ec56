"""Manifests and kustomization in a platform repository that is real git behind a sandbox GitHub."""

import base64

import pytest
from pytest_django import Settings

from apps.onboarding.environment import yaml_text
from apps.onboarding.steps.manifests import generate_kube_manifests, update_kustomization
from meshsix.durable.outcomes import Permanent, Skipped
from meshsix.integrations.errors import TryLater
from meshsix.kit import names
from tests.cluster_bench import PLATFORM, Bench, ask, kustomization_wanted, manifests_wanted

BASE = "k8s/base/kustomization.yaml"


def overwrite(bench: Bench, path: str, text: str) -> None:
    """Change a file of the platform repository beside the platform."""
    known = bench.rest("GET", f"/repos/{PLATFORM}/contents/{path}")
    body = {"message": "Change it", "content": base64.b64encode(text.encode()).decode(), "sha": known["sha"]}
    bench.rest("PUT", f"/repos/{PLATFORM}/contents/{path}", body)


def test_the_folder_is_written_by_one_commit_of_all_files(bench: Bench) -> None:
    asked = ask("A-B/My.Repo_x")
    written = generate_kube_manifests(manifests_wanted(asked), bench.clients)
    env_name = names.env_name(asked.repository)
    assert written.changed
    assert written.folder == f"k8s/base/envs/{env_name}"
    assert written.files == ("kustomization.yaml", "service.yaml", "statefulset.yaml")
    assert bench.commits(written.folder) == [
        f"Add the environment of A-B/My.Repo_x\n\nMesh-Six-Environment: {env_name}"
    ]
    manifest = yaml_text.load(bench.file(f"{written.folder}/statefulset.yaml"))
    assert manifest["metadata"]["name"] == env_name


def test_a_second_run_only_reads_and_names_the_same_commit(bench: Bench) -> None:
    asked = ask()
    first = generate_kube_manifests(manifests_wanted(asked), bench.clients)
    listed = update_kustomization(kustomization_wanted(asked), bench.clients)
    bench.forget_requests()
    again = generate_kube_manifests(manifests_wanted(asked), bench.clients)
    listed_again = update_kustomization(kustomization_wanted(asked), bench.clients)
    assert (again.changed, again.commit_sha, again.url) == (False, first.commit_sha, first.url)
    assert (listed_again.changed, listed_again.commit_sha) == (False, listed.commit_sha)
    assert bench.changes() == []


def test_a_list_of_commits_that_lags_behind_is_asked_again(bench: Bench) -> None:
    generate_kube_manifests(manifests_wanted(ask()), bench.clients)
    bench.github.fault("answer", match={"method": "GET", "path": "/repos/*/commits"}, status=200, body=[])
    with pytest.raises(TryLater, match="lists no commit"):
        generate_kube_manifests(manifests_wanted(ask()), bench.clients)
    assert not generate_kube_manifests(manifests_wanted(ask()), bench.clients).changed


def test_other_limits_change_only_the_file_that_differs(bench: Bench) -> None:
    generate_kube_manifests(manifests_wanted(ask()), bench.clients)
    more = ask(resource_limits={"memory_limit": "16Gi"})
    changed = generate_kube_manifests(manifests_wanted(more), bench.clients)
    assert changed.changed
    assert bench.commits(f"{changed.folder}/statefulset.yaml")[0].startswith("Change the environment")
    assert len(bench.commits(f"{changed.folder}/service.yaml")) == 1


def test_a_changed_claim_is_refused_with_the_recipe(bench: Bench) -> None:
    generate_kube_manifests(manifests_wanted(ask()), bench.clients)
    larger = ask(resource_limits={"storage_worktrees": "40Gi"})
    with pytest.raises(Permanent) as caught:
        generate_kube_manifests(manifests_wanted(larger), bench.clients)
    assert caught.value.code == "onboard:manifests:claim-size"
    assert "worktrees from 20Gi to 40Gi" in caught.value.detail
    assert "--cascade=orphan" in caught.value.hint


def test_the_list_keeps_comments_and_order(bench: Bench) -> None:
    before = bench.file(BASE)
    listed = update_kustomization(kustomization_wanted(ask()), bench.clients)
    after = bench.file(BASE)
    assert listed.path == BASE
    assert f"  - envs/{names.env_name(ask().repository)}" in after
    assert [line for line in before.splitlines() if line not in after.splitlines()] == []
    assert len(after.splitlines()) == len(before.splitlines()) + 1


def test_a_moved_head_is_looked_at_again(bench: Bench) -> None:
    stale = {
        "data": {"createCommitOnBranch": None},
        "errors": [
            {
                "type": "STALE_DATA",
                "path": ["createCommitOnBranch"],
                "message": 'Expected branch to point to "x" but it did not. Pull and try again.',
            }
        ],
    }
    bench.github.fault("answer", match={"operation": "createCommitOnBranch"}, status=200, body=stale, times=2)
    assert update_kustomization(kustomization_wanted(ask()), bench.clients).changed
    assert len(bench.commits(BASE)) == 2


def test_a_commit_whose_answer_was_lost_is_found_and_not_made_twice(bench: Bench) -> None:
    bench.github.fault("drop-after-effect", match={"operation": "createCommitOnBranch"})
    with pytest.raises(TryLater):
        generate_kube_manifests(manifests_wanted(ask()), bench.clients)
    found = generate_kube_manifests(manifests_wanted(ask()), bench.clients)
    assert not found.changed
    assert len(bench.commits(found.folder)) == 1


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("kind: Deployment\n", "kind is Deployment"),
        ("- a\n- b\n", "not a mapping"),
        ("resources: platform\n", "not a list"),
        ("resources: [\n", "not valid YAML"),
    ],
)
def test_a_file_that_is_no_kustomization_is_left_alone(bench: Bench, text: str, why: str) -> None:
    overwrite(bench, BASE, text)
    with pytest.raises(Permanent) as caught:
        update_kustomization(kustomization_wanted(ask()), bench.clients)
    assert caught.value.code == "onboard:platform:no-kustomization"
    assert why in caught.value.detail
    assert bench.file(BASE) == text


@pytest.mark.parametrize(
    ("repository", "branch", "code"),
    [
        ("", "main", "onboard:platform:not-configured"),
        ("no repository", "main", "onboard:platform:not-configured"),
        ("octo-org/absent", "main", "onboard:platform:missing"),
        (PLATFORM, "absent", "onboard:platform:missing"),
    ],
)
def test_without_a_platform_repository_there_is_no_place_for_manifests(
    bench: Bench, settings: Settings, repository: str, branch: str, code: str
) -> None:
    settings.MESH_SIX_REPO, settings.MESH_SIX_REPO_BRANCH = repository, branch
    with pytest.raises(Permanent) as caught:
        generate_kube_manifests(manifests_wanted(ask()), bench.clients)
    assert caught.value.code == code


def test_a_wrong_root_names_the_file_that_is_missing(bench: Bench, settings: Settings) -> None:
    settings.MESH_SIX_K8S_ROOT = "elsewhere"
    with pytest.raises(Permanent, match=r"elsewhere/base/kustomization\.yaml"):
        update_kustomization(kustomization_wanted(ask()), bench.clients)


@pytest.mark.parametrize("mode", ["shared", "local"])
def test_modes_without_a_pod_skip_both_steps_with_the_reason(bench: Bench, mode: str) -> None:
    with pytest.raises(Skipped, match=mode):
        generate_kube_manifests(manifests_wanted(ask(execution_mode=mode)), bench.clients)
    with pytest.raises(Skipped, match=mode):
        update_kustomization(kustomization_wanted(ask(execution_mode=mode)), bench.clients)
    assert bench.github.requests() == []
