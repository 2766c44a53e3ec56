"""Typed readers of environment variables. A missing or bad one stops the start with its name.

`secret` reads `NAME_FILE` before `NAME`, so that a secret can live in a file instead of the environment.
"""

import math
import os
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off", ""}
_SHORTEST_SECRET = 8

secrets_read: list[str] = []
"""Every secret that was read, and the passwords in addresses: what logs, rows and answers must never show."""


class BadSetting(Exception):  # noqa: N818 - reads as a word of the domain
    """An environment variable is missing or has a value that cannot be used; the message names it."""


def text(name: str, default: str | None = None) -> str:
    """Return the variable as it is; without a default it must be set."""
    value = os.environ.get(name, default)
    if value is None or (value == "" and default is None):
        raise BadSetting(f"{name} must be set: see the table of settings in README.md.")
    return value


def number(name: str, default: float) -> float:
    """Return the variable as a number."""
    value = os.environ.get(name, "")
    try:
        found = float(value) if value else default
    except ValueError as error:
        raise BadSetting(f"{name} must be a number, not {value!r}.") from error
    if not math.isfinite(found):
        raise BadSetting(f"{name} must be a number, not {value!r}.")
    return found


def whole(name: str, default: int) -> int:
    """Return the variable as a whole number."""
    value = number(name, default)
    if value != int(value):
        raise BadSetting(f"{name} must be a whole number, not {value}.")
    return int(value)


def seconds(name: str, default: float) -> timedelta:
    """Return the variable, given in seconds, as a duration; it may not be negative."""
    value = number(name, default)
    if value < 0:
        raise BadSetting(f"{name} must not be negative, not {value}.")
    try:
        return timedelta(seconds=value)
    except OverflowError as error:
        raise BadSetting(f"{name} is longer than any time: {value} seconds.") from error


def flag(name: str, *, default: bool) -> bool:
    """Return the variable as true or false."""
    value = os.environ.get(name)
    if value is None:
        return default
    if value.lower() in _TRUE:
        return True
    if value.lower() in _FALSE:
        return False
    raise BadSetting(f"{name} must be true or false, not {value!r}.")


def words(name: str, default: str = "") -> list[str]:
    """Return the variable as a list, split at commas."""
    return [word.strip() for word in os.environ.get(name, default).split(",") if word.strip()]


def pairs(name: str, default: str = "") -> dict[str, str]:
    """Return the variable as a mapping, written as `name=value` pairs split at commas."""
    found: dict[str, str] = {}
    for word in words(name, default):
        key, sign, value = word.partition("=")
        if not sign or not key.strip() or not value.strip():
            raise BadSetting(f"{name} must hold name=value pairs, not {word!r}.")
        found[key.strip()] = value.strip()
    return found


def url(name: str, default: str | None = None, *, schemes: tuple[str, ...] = ("http", "https")) -> str:
    """Return the variable as an address without a trailing slash; an empty default means "not configured"."""
    value = text(name, default)
    if value and not _is_address(value, schemes):
        raise BadSetting(f"{name} must be an address that starts with {' or '.join(schemes)}://.")
    return value.rstrip("/")


def _is_address(value: str, schemes: tuple[str, ...]) -> bool:
    try:
        parts = urlsplit(value)
        return parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def secret(name: str, default: str | None = None) -> str:
    """Return the content of the file named by `NAME_FILE`, else the variable. The value never is in an error."""
    path = os.environ.get(f"{name}_FILE")
    if path:
        try:
            value = Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise BadSetting(f"{name}_FILE names a file that cannot be read: {error.strerror}.") from error
        except UnicodeDecodeError as error:
            raise BadSetting(f"{name}_FILE names a file that holds no text.") from error
        if not value and default is None:
            raise BadSetting(f"{name}_FILE names a file that is empty.")
        return _noted(value)
    return _noted(text(name, default))


def _noted(value: str) -> str:
    """Return `value`; it is kept in mind as a secret unless it is too short to be one."""
    try:
        password = (urlsplit(value).password or "") if "://" in value else ""
    except ValueError:  # no address after all
        password = ""
    secrets_read.extend(each for each in (value, password) if len(each) >= _SHORTEST_SECRET)
    return value
