"""Every name that is derived from an owner and a repository is made here, once, and is safe where it is used."""

import hashlib
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

_OWNER = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9]|[-_](?=[A-Za-z0-9])){0,38}")
_REPOSITORY = re.compile(r"[A-Za-z0-9._-]{1,100}")
_ENV_NAME_LIMIT = 52
_HASH_LENGTH = 8
_LABEL_LIMIT = 63
_LIKE_A_HASH = re.compile(r".*-[0-9a-f]{8}")

RUNNER_AUDIENCE = "mesh-six"
"""Whom the token of an environment's pod is meant for."""


class BadName(ValueError):  # noqa: N818 - reads as a word of the domain
    """A name that GitHub would not accept; the message says what is wrong and how it should look."""


@dataclass(frozen=True, kw_only=True)
class RepositoryName:
    """A checked `owner/name`."""

    owner: str
    name: str

    @property
    def full_name(self) -> str:
        """Return `owner/name` with the exact spelling given."""
        return f"{self.owner}/{self.name}"


def repository(owner: str, name: str) -> RepositoryName:
    """Check both parts by GitHub's own rules. Raises BadName.

    Owners have at most 39 letters, digits and single inner hyphens, and where an enterprise manages its users an
    underscore before its short name; repositories at most 100 letters, digits, `.`, `-` and `_`, and are not `.`,
    `..` or end in `.git`.
    """
    if not _OWNER.fullmatch(owner):
        raise BadName(f"{owner[:60]!r} is not an owner's name: letters, digits and single hyphens, at most 39.")
    if not _REPOSITORY.fullmatch(name) or name in {".", ".."} or name.lower().endswith(".git"):
        raise BadName(f"{name[:120]!r} is not a repository's name: letters, digits, '.', '-' and '_', at most 100.")
    return RepositoryName(owner=owner, name=name)


def parse_repository(text: str, *, host: str = "") -> RepositoryName:
    """Read `owner/name` or a repository's URL (https, ssh or git@), at `host` where one is given. Raises BadName."""
    value = text.strip()
    if "://" in value:
        there, value = _host_and_path(value)
        _check_host(there, host)
    elif match := re.match(r"[\w.-]+@([\w.-]+):", value):
        _check_host(match[1], host)
        value = value.split(":", 1)[1]
    parts = value.strip("/").removesuffix(".git").split("/")
    if len(parts) != 2:  # noqa: PLR2004 - owner and name
        raise BadName(f"{text[:120]!r} does not name a repository: write OWNER/REPO or the repository's address.")
    return repository(parts[0], parts[1])


def _check_host(found: str, wanted: str) -> None:
    """Refuse another host; `ssh.` and `www.` of the wanted one are its own."""
    if wanted and found.lower().removeprefix("www.").removeprefix("ssh.") != wanted.lower():
        raise BadName(f"The address is at {found[:100]!r}, but repositories are onboarded from {wanted}.")


def _host_and_path(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise BadName(f"{url[:120]!r} is not an address.") from error
    return parts.hostname or "", parts.path


def project_key(repo: RepositoryName) -> str:
    """Return the name under which a repository is unique: GitHub compares owner and name without case."""
    return repo.full_name.lower()


def webhook_path(repo: RepositoryName) -> str:
    """Return the Vault path of the webhook secret; two segments, so that a-b/c and a/b-c differ."""
    return f"mesh-six/webhooks/{repo.owner}/{repo.name}"


def organization_webhook_path(owner: str) -> str:
    """Return the Vault path of the secret of an organization's webhook; no owner's name starts with an underscore."""
    return f"mesh-six/webhooks/_organizations/{owner.lower()}"


def legacy_webhook_path(repo: RepositoryName) -> str:
    """Return the older, ambiguous Vault path of the webhook secret."""
    return f"mesh-six/webhooks/{repo.owner}-{repo.name}"


def credential_path(project_id: str, credential_id: str, part: str) -> str:
    """Return the Vault path of one half (`access` or `refresh`) of a credential."""
    return f"mesh-six/credentials/{project_id}/{credential_id}/{part}"


def login_path(project_id: str, login_id: str) -> str:
    """Return the Vault path of what an open sign-in must keep (the PKCE verifier, a device code)."""
    return f"mesh-six/logins/{project_id}/{login_id}"


def litellm_key_path(project_id: str) -> str:
    """Return the Vault path of the project's model key."""
    return f"mesh-six/litellm/{project_id}"


def notification_path(project: str, name: str) -> str:
    """Return the Vault path of a destination of notices; `project` is `owner/name`, or empty for the platform's own."""
    return f"mesh-six/notify/{project.lower() or '_platform'}/{name}"


def probe_paths(probe: str) -> dict[str, str]:
    """Return a Vault path of each pattern above that nothing but a probe uses, by what the pattern is for."""
    return {
        "webhooks": f"mesh-six/webhooks/_probes/{probe}",
        "credentials": credential_path("_probes", probe, "access"),
        "logins": login_path("_probes", probe),
        "litellm": litellm_key_path(f"_probes-{probe}"),
    }


def probe_key(probe: str) -> str:
    """Return the key of an object that nothing but a probe uses."""
    return f"_probes/{probe}"


def env_name(repo: RepositoryName) -> str:
    """Return the environment's name: RFC 1123, at most 52 characters, different for different repositories.

    `env-{owner}-{name}` in lower case; where anything but case (which GitHub ignores too) was lost, the pair is
    ambiguous (a hyphen in the owner or the name), it is too long, or it looks like a name with a hash, a hash of the
    full name is appended.
    """
    plain = f"env-{repo.owner}-{repo.name}".lower()
    safe = re.sub(r"[^a-z0-9-]+", "-", plain)
    safe = re.sub(r"-{2,}", "-", safe).strip("-")
    ambiguous = "-" in repo.owner or "-" in repo.name
    if safe == plain and not ambiguous and len(safe) <= _ENV_NAME_LIMIT and not _LIKE_A_HASH.fullmatch(safe):
        return safe
    return f"{safe[: _ENV_NAME_LIMIT - _HASH_LENGTH - 1].rstrip('-')}-{_digest(repo)}"


def project_label(repo: RepositoryName) -> str:
    """Return the value of the label `mesh-six/project`: `owner.name`, with a hash where that is no label's value.

    A label's value has at most 63 characters and begins and ends with a letter or digit.
    """
    plain = f"{repo.owner}.{repo.name}"
    safe = plain[:_LABEL_LIMIT].rstrip("-._")
    if safe == plain and not _LIKE_A_HASH.fullmatch(plain):
        return plain
    return f"{plain[: _LABEL_LIMIT - _HASH_LENGTH - 1].rstrip('-._')}-{_digest(repo)}"


def _digest(repo: RepositoryName) -> str:
    return hashlib.sha256(project_key(repo).encode()).hexdigest()[:_HASH_LENGTH]


def storage_prefix(repo: RepositoryName) -> str:
    """Return the prefix of the project's objects in the storage bucket."""
    return f"repos/{repo.owner}/{repo.name}/"


def queue(repo: RepositoryName) -> str:
    """Return the Celery queue of the project's environment."""
    return f"env.{env_name(repo)}"


def litellm_team_id(repo: RepositoryName) -> str:
    """Return the id of the project's team at LiteLLM."""
    return f"mesh-six-{env_name(repo)}"


def litellm_key_alias(repo: RepositoryName) -> str:
    """Return the alias of the project's key at LiteLLM."""
    return f"mesh-six-{env_name(repo)}-key"


def run_key(repo: RepositoryName) -> str:
    """Return the key under which a repository has at most one unfinished onboarding."""
    return run_key_of(project_key(repo))


def run_key_of(key: str) -> str:
    """Return the same for a repository that is known by its `project_key`."""
    return f"onboarding:{key}"
