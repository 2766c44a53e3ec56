"""Serve the sandbox vendors: `python -m deploy.sandbox --data DIR --config FILE [--only github,ntfy]`.

One process, one port a vendor. When all of them answer, `DIR/ports.json` is written and the same line printed:
`{"github": 41001, "ntfy": 41002}`. A port that the configuration does not fix is the one of the last run if it is still
free. SIGTERM and SIGINT end it; state stays in DIR. README.md has the configuration.
"""

import argparse
import asyncio
import fcntl
import json
import os
import pkgutil
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from deploy.sandbox.base import Frame, Listening, bind, serve
from deploy.sandbox.place import ConfigError, Place, with_addresses

SANDBOXES = {
    "github": "deploy.sandbox.github:sandbox",
    "kubernetes": "deploy.sandbox.kubernetes:sandbox",
    "argocd": "deploy.sandbox.argocd:sandbox",
    "litellm": "deploy.sandbox.litellm:sandbox",
    "sign_in": "deploy.sandbox.sign_in:sandbox",
    "prometheus": "deploy.sandbox.prometheus:sandbox",
    "ntfy": "deploy.sandbox.ntfy:sandbox",
    "s3": "deploy.sandbox.s3:sandbox",
    "chat": "deploy.sandbox.chat:sandbox",
    "web": "deploy.sandbox.web:sandbox",
}
PORTS_FILE, LAST_PORTS_FILE = "ports.json", "last-ports.json"


def arguments(words: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m deploy.sandbox", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="directory of all state")
    parser.add_argument("--config", type=Path, required=True, help="JSON file: an object for each vendor to serve")
    parser.add_argument(
        "--only", default="", help="names of the vendors to serve, with commas; default: all configured"
    )
    return parser.parse_args(words)


def configured(config: Mapping[str, Any], only: str) -> dict[str, Mapping[str, Any]]:
    """Return the vendors to serve with their configuration. Raises ConfigError for an unknown name."""
    names = [name.strip() for name in only.split(",") if name.strip()] or list(config)
    for name in names:
        if name not in SANDBOXES:
            raise ConfigError(f"there is no sandbox {name!r}; there are {', '.join(SANDBOXES)}")
    return {name: config.get(name, {}) for name in names}


def owned(data: Path) -> TextIO:
    """Take the directory for this process. Raises ConfigError if another one has it."""
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = (data / "lock").open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ConfigError(f"another process serves {data}") from None
    return lock


def last_ports(data: Path) -> dict[str, int]:
    """Return the ports of the last run, and take ports.json away until we are ready."""
    (data / PORTS_FILE).unlink(missing_ok=True)
    try:
        ports: dict[str, int] = json.loads((data / LAST_PORTS_FILE).read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return ports


def listener(name: str, wanted: int, last: int) -> socket.socket:
    """Return a socket on the wanted, else the last, else a free port. Raises ConfigError if the wanted one is taken."""
    if not wanted and last:
        try:
            return bind(port=last)
        except OSError:
            return bind()
    try:
        return bind(port=wanted)
    except OSError as error:
        raise ConfigError(f"{name}: port {wanted} cannot be used: {error.strerror}") from error


def assemble(data: Path, parts: Mapping[str, Mapping[str, Any]]) -> dict[str, Listening]:
    """Bind all ports first, so that each vendor knows the addresses of the others, then make the vendors."""
    last = last_ports(data)
    sockets = {name: listener(name, int(part.get("port", 0)), last.get(name, 0)) for name, part in parts.items()}
    addresses = {name: f"http://127.0.0.1:{bound.getsockname()[1]}" for name, bound in sockets.items()}
    served = {}
    for name, part in parts.items():
        make: Callable[[Place], Frame] = pkgutil.resolve_name(SANDBOXES[name])
        place = Place(name=name, config=with_addresses(part, addresses), data=data / name, addresses=addresses)
        place.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        served[name] = Listening(make(place), sockets[name])
    return served


def announce(data: Path, served: Mapping[str, Listening]) -> None:
    """Write ports.json in one move and print its content."""
    text = json.dumps({name: each.socket.getsockname()[1] for name, each in served.items()})
    for name in (LAST_PORTS_FILE, PORTS_FILE):
        draft = data / f"{name}.new"
        draft.write_text(text)
        draft.replace(data / name)
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main(words: Sequence[str]) -> int:
    """Serve until a signal ends it. Returns 2 and says why when it cannot start."""
    asked = arguments(words)
    os.umask(0o077)
    try:
        with owned(asked.data):
            served = assemble(asked.data, configured(json.loads(asked.config.read_text()), asked.only))
            asyncio.run(serve(served.values(), ready=lambda: announce(asked.data, served)))
            (asked.data / PORTS_FILE).unlink(missing_ok=True)
    except (ConfigError, OSError, json.JSONDecodeError) as error:
        sys.stderr.write(f"sandbox: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
