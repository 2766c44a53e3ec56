"""Takes secrets out of text and of structures before they are logged, stored or shown."""

import re
from collections.abc import Mapping, Sequence

MASK = "[redacted]"

_SECRET_TEXT = re.compile(
    r"(gh[pousr]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{20,}|sk-[A-Za-z0-9_-]{12,}|hvs\.[A-Za-z0-9_-]{16,}"
    r"|s\.[A-Za-z0-9]{24,}|m6_[A-Za-z0-9]+_[A-Za-z0-9_-]{20,}|eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]+"
    r"|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)|(?<=[Bb]earer )[A-Za-z0-9._~+/-]{12,}=*)"
)
_SECRET_KEY = re.compile(
    r"(password|passwd|secret|token|api_?key|authorization|private_?key|credential|cookie|signature|verifier"
    r"|device_code|auth_code|oauth_code)$",
    re.IGNORECASE,
)


def text(value: str) -> str:
    """Return `value` with everything that looks like a secret masked."""
    return _SECRET_TEXT.sub(MASK, value)


def structure(value: object) -> object:
    """Return a copy of a JSON-like structure without secret-looking texts and values under secret-looking keys."""
    if isinstance(value, str):
        return text(value)
    if isinstance(value, Mapping):
        return {
            key: MASK if isinstance(item, str) and item and _SECRET_KEY.search(str(key)) else structure(item)
            for key, item in value.items()
        }
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [structure(item) for item in value]
    return value
