"""The files of an environment: for every name and size valid, safe and always the same."""

import json
from decimal import Decimal
from typing import Any

import kubernetes_validate
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from kubernetes.utils import parse_quantity

from apps.onboarding.environment import files, kustomization, yaml_text
from apps.onboarding.environment.plan import EnvironmentPlan
from apps.onboarding.words import Resources
from meshsix.kit import names

NAMES = ["A-B/My.Repo_x", f"octo-org/{'a' * 100}", f"{'o' * 39}/{'.' + 'x' * 99}", "a-b/c", "a/b-c", "on/off", "1/2_3"]
ENVBUILDER = {
    "ENVBUILDER_GIT_URL",
    "ENVBUILDER_WORKSPACE_BASE_DIR",
    "ENVBUILDER_WORKSPACE_FOLDER",
    "ENVBUILDER_SETUP_SCRIPT",
    "ENVBUILDER_INIT_SCRIPT",
    "ENVBUILDER_FALLBACK_IMAGE",
    "ENVBUILDER_EXIT_ON_BUILD_FAILURE",
    "ENVBUILDER_SKIP_REBUILD",
    "ENVBUILDER_CACHE_REPO",
    "ENVBUILDER_PUSH_IMAGE",
    "ENVBUILDER_IGNORE_PATHS",
    "DOCKER_CONFIG",
}
OURS = {"HOME", "MESH_SIX_URL", "MESH_SIX_TOKEN_FILE", "MESH_SIX_ENVIRONMENT", "MESH_SIX_WORK_ROOT"}
BASELINE_CAPABILITIES = {
    "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP",
    "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
}  # fmt: skip


def plan(full_name: str = "octo-org/bookmarks", **more: Any) -> EnvironmentPlan:  # noqa: ANN401 - fields of the plan
    facts: dict[str, Any] = {
        "default_branch": "main",
        "web_url": "https://github.example.org",
        "namespace": "mesh-six-envs",
        "resources": Resources(),
    }
    return EnvironmentPlan(repository=names.parse_repository(full_name), **(facts | more))


def pod_of(made: EnvironmentPlan) -> dict[str, Any]:
    found: dict[str, Any] = files.stateful_set(made)["spec"]["template"]["spec"]
    return found


def containers(made: EnvironmentPlan) -> list[dict[str, Any]]:
    pod = pod_of(made)
    return [*pod["initContainers"], *pod["containers"]]


@pytest.mark.parametrize("full_name", NAMES)
@pytest.mark.parametrize("version", [files.OLDEST_KUBERNETES, "1.34", files.NEWEST_KUBERNETES])
def test_every_name_gives_manifests_that_kubernetes_takes(full_name: str, version: str) -> None:
    made = plan(full_name, storage_class="fast", fallback_image="example.org/base:1", cache_repo="example.org/cache")
    for manifest in (files.stateful_set(made), files.service(made)):
        assert kubernetes_validate.validate(manifest, version, strict=True) == version


@pytest.mark.parametrize("full_name", NAMES)
def test_yaml_1_1_and_1_2_read_the_same_and_no_anchor_stands_in_it(full_name: str) -> None:
    made = plan(full_name)
    written = files.files(made)
    for name, text in written.items():
        plain = json.loads(json.dumps(yaml_text.load(text)))
        assert yaml.safe_load(text) == plain, name
        assert "&id" not in text
    assert yaml.safe_load(written[files.STATEFUL_SET]) == files.stateful_set(made)
    assert written == files.files(made)


@given(st.text(min_size=1, max_size=12))
@settings(max_examples=400)
def test_any_text_survives_yaml_1_1_and_1_2(text: str) -> None:
    written = yaml_text.dump({"value": text})
    assert yaml_text.load(written)["value"] == text


@given(st.from_regex(r"[A-Za-z0-9:._~+-]{1,10}", fullmatch=True))
@settings(max_examples=1000)
def test_words_and_numbers_as_text_stay_text_in_yaml_1_1(text: str) -> None:
    assert yaml.safe_load(yaml_text.dump({"value": text}))["value"] == text


def test_the_folder_never_refers_to_a_secret_or_a_variable_of_the_platform() -> None:
    made = plan(cache_repo="example.org/cache", fallback_image="example.org/base:1")
    assert "secret" not in json.dumps(files.stateful_set(made)).lower()
    for container in containers(made):
        assert {each["name"] for each in container.get("env", [])} <= ENVBUILDER | OURS


def test_containers_of_ours_are_restricted_and_the_builder_stays_within_baseline() -> None:
    toolbox, clone, environment = containers(plan())
    for container in (toolbox, clone):
        context = container["securityContext"]
        assert context["runAsNonRoot"]
        assert context["runAsUser"] > 0
        assert context["readOnlyRootFilesystem"]
        assert context["capabilities"] == {"drop": ["ALL"]}
    assert set(environment["securityContext"]["capabilities"]["add"]) <= BASELINE_CAPABILITIES
    for container in (toolbox, clone, environment):
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert {"requests", "limits"} <= container["resources"].keys()
        assert "memory" in container["resources"]["limits"]
    pod = pod_of(plan())
    assert not pod["automountServiceAccountToken"]
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()


def test_every_mount_of_the_builder_is_writable_but_below_var_run() -> None:
    mounts = {each["mountPath"]: each.get("readOnly", False) for each in containers(plan())[2]["volumeMounts"]}
    assert [path for path, read_only in mounts.items() if read_only and not path.startswith("/var/run/")] == []


def test_every_mount_names_a_volume_and_every_probe_a_port() -> None:
    manifest = files.stateful_set(plan())
    claims = {each["metadata"]["name"] for each in manifest["spec"]["volumeClaimTemplates"]}
    volumes = claims | {each["name"] for each in pod_of(plan())["volumes"]}
    for container in containers(plan()):
        assert {each["name"] for each in container["volumeMounts"]} <= volumes
        ports = {each["name"] for each in container.get("ports", [])}
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            if probe in container:
                assert container[probe]["httpGet"]["port"] in ports
    selector = files.service(plan())["spec"]["selector"].items()
    assert selector <= manifest["spec"]["template"]["metadata"]["labels"].items()


def test_a_branch_with_odd_letters_stays_one_part_of_the_address() -> None:
    environment = containers(plan(default_branch="feature/a#b c"))[2]
    url = next(each["value"] for each in environment["env"] if each["name"] == "ENVBUILDER_GIT_URL")
    assert url == "https://github.example.org/octo-org/bookmarks.git#refs/heads/feature/a%23b%20c"


def size(quantity: str) -> Decimal:
    return Decimal(parse_quantity(quantity))  # type: ignore[no-untyped-call] # vendor's


@st.composite
def resources(draw: st.DrawFn) -> Resources:
    """Sizes as somebody may ask for them, each request at most its limit."""
    unit = draw(st.sampled_from(["", "k", "M", "Mi", "G", "Gi"]))
    low, high = sorted(draw(st.tuples(st.integers(1, 999), st.integers(1, 999))))
    few, many = sorted(draw(st.tuples(st.integers(1, 64000), st.integers(1, 64000))))
    return Resources(
        memory_request=f"{low}{unit}",
        memory_limit=f"{high}{unit}",
        cpu_request=f"{few}m",
        cpu_limit=f"{many}m",
        storage_worktrees=f"{high}Gi",
        storage_claude=f"{low}Gi",
    )


@given(resources())
@settings(max_examples=15)
def test_sizes_arrive_as_asked_with_no_request_above_its_limit(asked: Resources) -> None:
    text = files.files(plan(resources=asked))[files.STATEFUL_SET]
    for container in yaml.safe_load(text)["spec"]["template"]["spec"]["containers"]:
        sizes = container["resources"]
        for kind, request in sizes["requests"].items():
            assert size(request) <= size(sizes["limits"][kind])
    assert files.claim_sizes(text) == {"worktrees": asked.storage_worktrees, "claude-session": asked.storage_claude}


def test_a_manifest_that_kubernetes_would_not_take_names_the_field() -> None:
    manifest = files.service(plan())
    manifest["spec"]["ports"][0]["port"] = "eighty"
    with pytest.raises(files.BadManifest, match=r"Service spec\.ports\.0\.port"):
        files.check(manifest)
    manifest = files.service(plan())
    manifest["spec"]["unknownField"] = 1
    with pytest.raises(files.BadManifest, match="unknownField"):
        files.check(manifest)


@pytest.mark.parametrize("text", ["", "a: b", "[]", "spec: {volumeClaimTemplates: 3}"])
def test_claims_of_something_else_are_none(text: str) -> None:
    assert files.claim_sizes(text) == {}


KUSTOMIZATIONS = {
    "moved in": '# a\nkind: Kustomization\n\nresources:\n  # first\n  - a/ # one\n  - "b"  # two\n\n# end\nx: 1\n',
    "flush": "resources:\n- a # one\n# end\n",
    "flow": "resources: [a, b] # both\n",
    "one": "resources:\n  - a",
    "no list": "kind: Kustomization # yes\n",
    "empty": "resources: []\n# end\n",
    "null": "# top\nresources:\n",
}


@pytest.mark.parametrize("form", KUSTOMIZATIONS)
def test_an_entry_is_added_and_nothing_else_changes(form: str) -> None:
    before = KUSTOMIZATIONS[form]
    after = kustomization.with_resource(before, "envs/env-x")
    was, became = yaml.safe_load(before), yaml.safe_load(after)
    assert became == {**was, "resources": [*(was.get("resources") or []), "envs/env-x"]}
    assert [each for each in before.splitlines() if "#" in each and each.partition("#")[2] not in after] == []
    assert kustomization.with_resource(after, "envs/env-x") == after


def test_only_one_line_changes_and_comments_stay_where_they_are() -> None:
    before = KUSTOMIZATIONS["moved in"]
    after = kustomization.with_resource(before, "envs/env-x")
    assert after == before.replace('"b"  # two\n', '"b"  # two\n  - envs/env-x\n')


@pytest.mark.parametrize("known", ["envs/env-x", "./envs/env-x", "envs/env-x/"])
def test_an_entry_that_stands_there_in_another_spelling_is_known(known: str) -> None:
    text = f"resources:\n  - {known}\n"
    assert kustomization.with_resource(text, "envs/env-x") == text


@pytest.mark.parametrize(
    "text", ["", "x", "- a", "kind: Component", "resources: a", "a: 1\na: 2", "a: 1\n---\nb: 2", "{"]
)
def test_what_is_no_kustomization_is_refused(text: str) -> None:
    with pytest.raises(kustomization.NoKustomization):
        kustomization.with_resource(text, "envs/env-x")
