"""This machine as a place of work (mode local): proven by doing there what agents will do, on a small scale."""

import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

_GIT_TIMEOUT_SECONDS = 20


class NoWorkplace(Exception):  # noqa: N818 - reads as a word of the domain
    """Agents cannot work here; the message says what was seen, `code` names the failure."""

    def __init__(self, code: str, seen: str) -> None:
        super().__init__(seen)
        self.code = code


def prove(root: str, env_name: str) -> Path:
    """Return the project's folder below `root`, made if absent, once a repository could be made in it.

    Raises NoWorkplace `onboard:local:folder` or `onboard:local:git`. Nothing of the try stays.
    """
    folder = Path(root) / env_name
    git = shutil.which("git")
    if git is None:
        raise NoWorkplace("onboard:local:git", "There is no git on this machine's PATH.")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".mesh-six-", dir=folder) as place:
            _make_repository(git, place)
    except OSError as error:
        raise NoWorkplace("onboard:local:folder", f"{folder} cannot be written: {error.strerror or error}.") from error
    return folder


def host() -> str:
    """Return the name by which this machine is known."""
    return socket.gethostname()


def _make_repository(git: str, place: str) -> None:
    command = [git, "init", "--quiet", place]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=_GIT_TIMEOUT_SECONDS)  # noqa: S603 - fixed words
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode("utf-8", errors="replace").strip()
        raise NoWorkplace("onboard:local:git", f"git init failed: {said}") from error
    except subprocess.TimeoutExpired as error:
        raise NoWorkplace("onboard:local:git", f"git init took over {_GIT_TIMEOUT_SECONDS} seconds.") from error
