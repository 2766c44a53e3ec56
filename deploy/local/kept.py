"""What the stack keeps between starts: generated secrets and chosen ports, in one file that only its owner can read."""

import json
import secrets
from collections.abc import Mapping
from pathlib import Path

from deploy.local.errors import CannotStart
from deploy.local.ports import claim, demand_free, free_port


class Kept:
    """The file `stack.json` of a data directory."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._values: dict[str, dict[str, str | int]] = {"secrets": {}, "ports": {}, "addresses": {}, "database": {}}
        if path.exists():
            try:
                self._values |= json.loads(path.read_text(encoding="utf-8"))
            except ValueError as error:
                raise CannotStart(
                    f"{path} is damaged: {error}.", hint="Restore it, or remove the whole data directory."
                ) from error

    def secret(self, name: str) -> str:
        """Return a secret, 32 random bytes in hexadecimal; a new one is on disk before anybody uses it."""
        if name not in self._values["secrets"]:
            self._values["secrets"][name] = secrets.token_hex(32)
            self.save()
        return str(self._values["secrets"][name])

    def port(self, name: str, *, setting: str, environ: Mapping[str, str]) -> int:
        """Return the port of a server: the setting's, else the one of the last start if it is free, else a free one."""
        fixed = environ.get(setting, "")
        if fixed:
            port = demand_free(_port_number(fixed, setting), setting=setting)
        else:
            last = int(self._values["ports"].get(name, 0))
            port = last if last and claim(last) else free_port()
        self._values["ports"][name] = port
        return port

    def port_of(self, name: str) -> int:
        """Return the port that was chosen for a server."""
        return int(self._values["ports"][name])

    def address(self, name: str, url: str) -> None:
        """Keep an address for `status`."""
        self._values["addresses"][name] = url

    @property
    def addresses(self) -> dict[str, str]:
        """The addresses of the last start, by what answers there."""
        return {name: str(url) for name, url in self._values["addresses"].items()}

    def prepared(self, mark: str | None) -> None:
        """Keep the mark of a database that was just brought up to date."""
        self._values["database"] = {"mark": mark} if mark else {}

    def is_prepared(self, mark: str | None) -> bool:
        """Return whether nothing has changed since the database was last brought up to date."""
        return mark is not None and self._values["database"].get("mark") == mark

    def save(self) -> None:
        """Write the file."""
        keep_private(self._path, json.dumps(self._values, indent=1))


def keep_private(path: Path, content: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    fresh.write_text(content, encoding="utf-8")
    fresh.replace(path)


def _port_number(text: str, setting: str) -> int:
    if text.isascii() and text.isdigit() and 0 < int(text) <= 65535:  # noqa: PLR2004 - the highest port there is
        return int(text)
    raise CannotStart(f"{setting} must be a port between 1 and 65535, not {text!r}.", hint="Mend it or unset it.")
