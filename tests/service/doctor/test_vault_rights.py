"""Each right in Vault is taken away alone: doctor names it, prints the policy's lines, and leaves nothing behind."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.onboarding.doctor import services
from apps.onboarding.doctor.report import Finding, State
from deploy.local.options import BASE
from meshsix.integrations.vault import StaticToken
from meshsix.kit import names
from meshsix.wiring import Clients
from tests.rooted_bao import RootedBao, rooted_bao
from tests.service.doctor.clinic import probes_in

pytestmark = pytest.mark.django_db

KINDS = tuple(names.probe_paths(""))
POLICY = (BASE / "deploy/k8s/base/vault/platform.hcl").read_text()


@pytest.fixture(scope="module")
def rooted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RootedBao]:
    place: Path = tmp_path_factory.mktemp("doctor-bao")
    with rooted_bao(place) as server:
        yield server


def examined(rooted: RootedBao, policy: str) -> dict[str, Finding]:
    clients = Clients()
    clients.__dict__["vault"] = rooted.vault(rooted.approle(policy=policy))
    return {finding.name: finding for finding in services.examine(None, clients, only=["vault"]).findings}


def without(capability: str, kind: str, part: str) -> str:
    """Return the platform's policy without one capability at one kind of path."""
    head = f'path "secret/{part}/mesh-six/{kind}/*" {{\n  capabilities = ['
    before, _, after = POLICY.partition(head)
    assert after, head
    granted, _, rest = after.partition("]")
    kept = ", ".join(each for each in granted.split(", ") if each != f'"{capability}"')
    return f"{before}{head}{kept}]{rest}"


def test_the_policy_that_comes_with_the_platform_is_enough(rooted: RootedBao) -> None:
    found = examined(rooted, POLICY)
    assert {name: each.fact for name, each in found.items() if each.state is not State.OK} == {}
    assert probes_in(rooted.vault()) == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("capability", "part"),
    [("create", "data"), ("read", "data"), ("update", "data"), ("delete", "data"), ("delete", "metadata")],
)
def test_a_right_that_is_missing_is_named(rooted: RootedBao, kind: str, capability: str, part: str) -> None:
    found = examined(rooted, without(capability, kind, part))
    finding = found[f"vault-{kind}"]
    assert finding.state is State.FAILED
    assert f"may not: {capability} {part}" in finding.fact
    assert f'path "secret/{part}/mesh-six/{kind}/*" {{ capabilities = [' in finding.fix
    assert {each.state for name, each in found.items() if name != f"vault-{kind}"} == {State.OK}
    assert probes_in(rooted.vault()) == []


def test_too_much_is_a_warning(rooted: RootedBao) -> None:
    everything = 'path "secret/*" { capabilities = ["create", "read", "update", "delete", "list"] }'
    finding = examined(rooted, everything)["vault-foreign"]
    assert (finding.state, "platform.hcl" in finding.fix) == (State.WARNING, True)


def test_a_root_token_is_a_warning(rooted: RootedBao) -> None:
    clients = Clients()
    clients.__dict__["vault"] = rooted.vault(StaticToken(token=rooted.root.token))
    found = {each.name: each for each in services.examine(None, clients, only=["vault"]).findings}
    assert found["vault-sign-in-power"].state is State.WARNING
    assert {found[f"vault-{kind}"].state for kind in KINDS} == {State.OK}
    assert probes_in(rooted.vault()) == []


def test_a_token_that_ends_is_a_warning(rooted: RootedBao) -> None:
    made = rooted.root.auth.token.create(policies=["default"], ttl="1h", renewable=False)
    clients = Clients()
    clients.__dict__["vault"] = rooted.vault(StaticToken(token=made["auth"]["client_token"]))
    found = {each.name: each for each in services.examine(None, clients, only=["vault-sign-in"]).findings}
    assert found["vault-sign-in-life"].state is State.WARNING
    assert "-period" in found["vault-sign-in-life"].fix
