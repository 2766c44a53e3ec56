"""Takes secrets out of text and of structures before they are logged, stored or shown.

Known by their look, by the name under which they stand, and, whatever they look like, those of our own configuration:
a vendor may repeat in an error what it was sent.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from meshsix import env

MASK = "[redacted]"

_SECRET_TEXT = re.compile(
    r"(?<![A-Za-z0-9])(?:"  # "sk-" must not be found in "task-runner"
    r"gh[pousr]_[A-Za-z0-9_]{16,}|github_pat_[A-Za-z0-9_]{20,}|sk-[A-Za-z0-9_-]{12,}|m6_[A-Za-z0-9]+_[A-Za-z0-9_-]{20,}"
    r"|hv[sbr]\.[A-Za-z0-9_-]{16,}|[sbr]\.[A-Za-z0-9]{24,}"
    r"|eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]*"
    r")"
    r"|(?<=://)(?:[^/\s:@]*:[^/\s@]+|[^/\s:@]{20,})(?=@)"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
    re.DOTALL,
)
_AFTER_A_WORD = re.compile(
    r"(\b(?:bearer|basic) +|(?:password|passwd|passphrase|secret|token|api[_-]?key)[\"']?=[\"']?)"
    r"(?!\[redacted\])[^\s\"'&;,]{8,}",
    re.IGNORECASE,
)
_SECRET_KEY = re.compile(
    r"(passwords?|passwd|passphrase|secrets?|tokens?|api[_-]?keys?|authorization|private[_-]?key|credential|cookie"
    r"|signature|verifier|device_code|auth_code|oauth_code)$",
    re.IGNORECASE,
)


def text(value: str) -> str:
    """Return `value` with everything that looks like a secret masked."""
    for secret in _longest_first(tuple(env.secrets_read)):
        value = value.replace(secret, MASK)
    return _AFTER_A_WORD.sub(rf"\1{MASK}", _SECRET_TEXT.sub(MASK, value))


@lru_cache(maxsize=8)
def _longest_first(secrets: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(set(secrets), key=len, reverse=True))


def structure(value: object) -> object:
    """Return a copy of a JSON-like structure without secret-looking texts and values under secret-looking keys."""
    if isinstance(value, str):
        return text(value)
    if isinstance(value, Mapping):
        return {key: _masked(item) if _SECRET_KEY.search(str(key)) else structure(item) for key, item in value.items()}
    if isinstance(value, bytes | bytearray):
        return text(bytes(value).decode("utf-8", errors="replace"))
    if isinstance(value, Sequence):
        return [structure(item) for item in value]
    return value


def _masked(value: object) -> object:
    """Return what stands under a secret-looking key: texts masked, also in lists; an object's own keys decide."""
    if isinstance(value, str | bytes | bytearray):
        return MASK if value else ""
    if isinstance(value, Sequence):
        return [_masked(item) for item in value]
    return structure(value)
