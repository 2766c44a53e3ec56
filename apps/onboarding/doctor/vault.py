"""Vault: we can sign in and stay, and at each kind of path do what we need and nothing elsewhere."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import timedelta

from django.conf import settings

from apps.onboarding.doctor.check import Said, failed, good_or, ok, warning
from apps.onboarding.doctor.exam import Exam
from meshsix.integrations.errors import Missing, Refused, VendorError
from meshsix.kit import names

KINDS = tuple(names.probe_paths(""))
_POLICY = "deploy/k8s/base/vault/platform.hcl"
_ROLE_CAN_RETURN = ("VAULT_ROLE_ID", "VAULT_KUBERNETES_ROLE")
_DATA = ("create", "read", "update", "delete")
_METADATA = ("read", "list", "delete")
_ALL = frozenset({"root"})


def sign_in(exam: Exam) -> Iterator[Said]:
    """Whether Vault is open, knows us, and lets us stay."""
    health = exam.clients.vault.health()
    if not health.ready:
        fact = f"Vault {health.version} is {'sealed' if health.initialized else 'not initialised'}."
        yield failed(fact, fix="vault operator unseal" if health.initialized else "vault operator init")
        return
    facts = exam.clients.vault.token_facts()
    policies = ", ".join(facts.policies)
    yield ok(f"Vault {health.version} knows us as {facts.display_name or 'a token'} with the policies {policies}.")
    if "root" in facts.policies:
        fix = f"Make a role with the policy of {_POLICY} and set VAULT_ROLE_ID and VAULT_SECRET_ID."
        yield warning("We are signed in with a root token, which may do everything.", fix=fix, part="power")
    yield _lasting(exam, facts.lasts, renewable=facts.renewable)


def _lasting(exam: Exam, lasts: timedelta, *, renewable: bool) -> Said:
    if not lasts:
        return ok("Our sign-in does not end.", part="life")
    if renewable:
        try:
            longer = exam.clients.vault.renew()
        except Refused:
            renewable = False
        else:
            return ok(f"Our sign-in was renewed and lasts {longer}.", part="life")
    returns = not settings.VAULT_TOKEN and any(getattr(settings, name) for name in _ROLE_CAN_RETURN)
    fix = "vault token create -period=24h with the platform's policy, or set VAULT_ROLE_ID and VAULT_SECRET_ID."
    ends = warning(f"Our token ends in {lasts} and cannot be renewed.", fix=fix, part="life")
    return good_or(returns, f"Our sign-in lasts {lasts}; then we sign in again.", otherwise=ends)


def at(kind: str) -> Callable[[Exam], Iterable[Said]]:
    """Return the check of one kind of path: a probe is written, read and taken away for good."""
    return lambda exam: _path(exam, kind)


def _path(exam: Exam, kind: str) -> Iterator[Said]:
    path = names.probe_paths(exam.probe)[kind]
    missing = _missing(exam, path)
    if missing:
        yield failed(f"At mesh-six/{kind}/ we may not: {', '.join(missing)}.", fix=policy_lines(kind))
        return
    try:
        yield _probed(exam, path, kind)
    except Refused as error:
        yield failed(str(error), fix=policy_lines(kind) if error.code == "vault:forbidden" else error.hint)


def _missing(exam: Exam, path: str) -> list[str]:
    """Return what our policy lacks, asked before anything is written: what we write we must be able to remove."""
    vault = exam.clients.vault
    try:
        data = vault.capabilities([path])[path]
        metadata = vault.capabilities([path], part="metadata")[path]
    except Refused:
        return []  # a role without the default policy may not ask; then the probe itself tells
    lacks_data = [] if data & _ALL else [each for each in _DATA if each not in data]
    lacks_metadata = [] if metadata & _ALL else [each for each in _METADATA if each not in metadata]
    return [f"{each} data" for each in lacks_data] + [f"{each} metadata" for each in lacks_metadata]


def _probed(exam: Exam, path: str, kind: str) -> Said:
    vault = exam.clients.vault
    try:
        vault.write(path, {"probe": exam.probe}, cas=0)
        same = vault.read(path).data.get("probe") == exam.probe
    except VendorError:
        with suppress(VendorError):
            vault.remove(path)  # a write that seemed to fail may have been done
        raise
    vault.remove(path)
    other = failed(f"What was read at {path} is not what was written.", fix="Look for a proxy or cache in between.")
    return good_or(same, f"At mesh-six/{kind}/ a probe was written, read and removed.", otherwise=other)


def policy_lines(kind: str) -> str:
    """Return the lines that the platform's policy needs for a kind of path."""
    mount, quoted = settings.VAULT_MOUNT, '"{}"'.format
    return "\n".join(
        [
            f"Add to the platform's policy ({_POLICY}):",
            f'path "{mount}/data/mesh-six/{kind}/*" {{ capabilities = [{", ".join(map(quoted, _DATA))}] }}',
            f'path "{mount}/metadata/mesh-six/{kind}/*" {{ capabilities = [{", ".join(map(quoted, _METADATA))}] }}',
        ]
    )


def foreign(exam: Exam) -> Iterator[Said]:
    """Whether a path that is none of ours is closed to us."""
    path = f"{exam.probe}-of-others/secret"
    closed = ok("A path outside of mesh-six/ is closed to us.")
    fact = "Our sign-in may read outside of mesh-six/: whoever takes over the platform reads all of it."
    fix = f"Give the platform's role the policy of {_POLICY} and no other."
    try:
        exam.clients.vault.read(path)
    except Missing:
        yield warning(fact, fix=fix)
    except Refused as error:
        if error.code != "vault:forbidden":
            raise
        yield closed
    else:
        yield warning(fact, fix=fix)
