"""The Vault client against a real OpenBao: what absence is, who wins a race, and how a token comes back to life."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.local.ports import free_port
from deploy.local.servers import OpenBao
from meshsix.integrations.errors import Conflict, Refused, TryLater
from meshsix.integrations.vault import Absent, AppRole, KubernetesAccount, Secret, StaticToken, Vault, messages
from meshsix.kit import clock
from tests.rooted_bao import RootedBao

TIMEOUT = timedelta(seconds=30)


def of(server: OpenBao, *, mount: str = "secret", secret_id: str = "") -> Vault:
    sign_in = AppRole(role_id=server.approle.role_id, secret_id=secret_id or server.approle.secret_id)
    return Vault(url=server.url, mount=mount, sign_in=sign_in, timeout=TIMEOUT)


def refusal(call: Callable[[], object]) -> Refused:
    with pytest.raises(Refused) as caught:
        call()
    assert not isinstance(caught.value, Absent)
    assert caught.value.hint
    return caught.value


def test_a_secret_is_written_once_and_read_back(vault_server: OpenBao) -> None:
    vault = of(vault_server)
    with pytest.raises(Absent) as absent:
        vault.read("mesh-six/webhooks/octo-org/written-once")
    assert vault.write("mesh-six/webhooks/octo-org/written-once", {"secret": "planted"}, cas=absent.value.version) == 1
    found = vault.read("mesh-six/webhooks/octo-org/written-once")
    assert (found.version, dict(found.data)) == (1, {"secret": "planted"})
    with pytest.raises(Conflict):
        vault.write("mesh-six/webhooks/octo-org/written-once", {"secret": "other"}, cas=0)
    assert vault.write("mesh-six/webhooks/octo-org/written-once", {"secret": "other"}, cas=1) == 2


def test_of_many_writers_one_wins_and_all_read_the_winners_value(vault_server: OpenBao) -> None:
    vault, path, start = of(vault_server), "mesh-six/webhooks/octo-org/race", threading.Barrier(12)

    def writer(number: int) -> str:
        start.wait()
        try:
            vault.write(path, {"secret": f"planted-{number}"}, cas=0)
        except Conflict:
            return vault.read(path).data["secret"]
        return f"planted-{number}"

    with ThreadPoolExecutor(12) as pool:
        seen = set(pool.map(writer, range(12)))
    assert len(seen) == 1
    assert vault.read(path).version == 1


def test_a_deleted_secret_is_absent_and_tells_the_version_that_a_writer_must_name(vault_server: OpenBao) -> None:
    vault, path = of(vault_server), "mesh-six/webhooks/octo-org/deleted"
    vault.write(path, {"secret": "planted"}, cas=0)
    vault.delete(path)
    with pytest.raises(Absent) as absent:
        vault.read(path)
    assert absent.value.version == 1
    with pytest.raises(Conflict):
        vault.write(path, {"secret": "again"}, cas=0)
    assert vault.write(path, {"secret": "again"}, cas=absent.value.version) == 2
    vault.destroy(path, [2])
    with pytest.raises(Absent) as absent:
        vault.read(path)
    assert absent.value.version == 2


def test_a_removed_secret_leaves_nothing(vault_server: OpenBao) -> None:
    vault, path = of(vault_server), "mesh-six/webhooks/octo-org/removed"
    vault.write(path, {"secret": "planted"}, cas=0)
    assert "removed" in vault.names("mesh-six/webhooks/octo-org")
    vault.remove(path)
    vault.remove(path)
    assert "removed" not in vault.names("mesh-six/webhooks/octo-org")
    assert vault.names("mesh-six/webhooks/nobody") == ()
    with pytest.raises(Absent) as absent:
        vault.read(path)
    assert absent.value.version == 0


def test_no_right_is_not_absence(vault_server: OpenBao) -> None:
    assert refusal(lambda: of(vault_server).read("somebody-elses/secret")).code == "vault:forbidden"


def test_the_policies_of_the_cluster_allow_what_the_platform_does_and_no_more(vault_server: OpenBao) -> None:
    paths = [f"mesh-six/{part}/x/y" for part in ("webhooks", "credentials", "logins", "litellm")]
    allowed = of(vault_server).capabilities([*paths, "elsewhere"])
    assert all(allowed[path] == {"create", "read", "update", "delete"} for path in paths)
    assert allowed["elsewhere"] == {"deny"}
    facts = of(vault_server).token_facts()
    assert "meshsix-platform" in facts.policies
    assert facts.renewable


def test_a_missing_mount_or_namespace_is_not_absence(rooted: RootedBao) -> None:
    assert refusal(lambda: rooted.vault(mount="nowhere").read("a/b")).code == "vault:wrong-place"
    assert refusal(lambda: rooted.vault(namespace="nowhere").read("a/b")).code == "vault:wrong-place"


def test_a_wrong_token_and_a_wrong_role_are_named_so(rooted: RootedBao, vault_server: OpenBao) -> None:
    assert refusal(lambda: rooted.vault(StaticToken(token="s.wrong")).read("a")).code == "vault:sign-in-refused"
    assert refusal(lambda: of(vault_server, secret_id="wrong").read("a")).code == "vault:sign-in-refused"
    nowhere = KubernetesAccount(role="mesh-six", token_file=Path("/nowhere/token"))
    assert refusal(lambda: rooted.vault(nowhere).read("a")).code == "vault:no-account-token"


def test_a_revoked_token_is_noticed_and_another_one_taken(rooted: RootedBao) -> None:
    vault = rooted.vault(rooted.approle())
    before = rooted.tokens()
    vault.write("revoked/role", {"secret": "planted"}, cas=0)
    (mine,) = rooted.tokens() - before
    rooted.root.auth.token.revoke_accessor(mine)
    assert vault.read("revoked/role").data["secret"] == "planted"
    with ThreadPoolExecutor(8) as pool:
        assert {found.version for found in pool.map(vault.read, ["revoked/role"] * 24)} == {1}
    assert len(rooted.tokens() - before) == 1, "all threads share one sign-in"


def test_an_expired_token_is_replaced_before_it_is_used(rooted: RootedBao) -> None:
    vault = rooted.vault(rooted.approle(ttl="30m"))
    before = rooted.tokens()
    vault.write("expired/role", {"secret": "planted"}, cas=0)
    with clock.moved(timedelta(minutes=25)):
        vault.read("expired/role")
        assert len(rooted.tokens() - before) == 1, "renewed, not replaced"
    with clock.moved(timedelta(days=3)):
        assert vault.read("expired/role").version == 1


def test_a_dead_static_token_asks_for_an_operator(rooted: RootedBao) -> None:
    token = rooted.root.auth.token.create(ttl="1h", policies=["root"])["auth"]["client_token"]
    vault = rooted.vault(StaticToken(token=token))
    vault.write("static/token", {"secret": "planted"}, cas=0)
    rooted.root.auth.token.revoke(token)
    assert refusal(lambda: vault.read("static/token")).code == "vault:sign-in-refused"


def test_a_forked_child_signs_in_by_itself(rooted: RootedBao) -> None:
    vault = rooted.vault(rooted.approle())
    vault.write("forked/child", {"secret": "planted"}, cas=0)
    before = rooted.tokens()
    child = os.fork()
    if child == 0:
        os._exit(0 if vault.read("forked/child").version == 1 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(rooted.tokens() - before) == 1


def test_a_sealed_vault_is_waited_for_and_never_taken_for_an_empty_one(rooted: RootedBao) -> None:
    vault = rooted.vault(rooted.approle())
    vault.write("sealed/one", {"secret": "planted"}, cas=0)
    assert vault.health().ready
    rooted.root.sys.seal()
    try:
        assert not vault.health().ready
        for path in ("sealed/one", "sealed/none"):
            with pytest.raises(TryLater) as caught:
                vault.read(path)
            assert caught.value.status == 503
            assert "nseal" in caught.value.hint
        with pytest.raises(TryLater):
            rooted.vault(AppRole(role_id="unknown", secret_id="unknown")).read("sealed/one")
    finally:
        rooted.root.sys.submit_unseal_key(rooted.unseal_key)
    rooted.wait_active()
    assert vault.read("sealed/one").data["secret"] == "planted"


def test_a_silent_or_absent_server_is_waited_for() -> None:
    vault = Vault(
        url=f"http://127.0.0.1:{free_port()}",
        mount="secret",
        sign_in=AppRole(role_id="a", secret_id="b"),
        timeout=timedelta(seconds=0.2),
    )
    with pytest.raises(TryLater):
        vault.read("a")
    with pytest.raises(TryLater):
        vault.health()


@given(value=st.text(min_size=12, alphabet=st.characters(codec="ascii", categories=["L", "N"])))
@settings(max_examples=30)
def test_no_repr_shows_a_secret(value: str) -> None:
    planted = f"planted-{value}"
    shown = [
        Secret(path="a", version=1, data={"secret": planted}),
        messages.Lease(token=planted, lasts=timedelta(), renewable=True),
        StaticToken(token=planted),
        AppRole(role_id="role", secret_id=planted),
    ]
    assert all(planted not in repr(item) for item in shown)
