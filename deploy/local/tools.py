"""System tools that the tests need: found, installed where we may, else named with the exact command.

`python -m deploy.local.tools git npm tmux chromium` ends with 0 when all are there.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence

COMMANDS = {
    "git": ("git",),
    "npm": ("npm",),
    "tmux": ("tmux",),
    "wrk": ("wrk",),
    "chromium": ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
}


def missing(tools: Sequence[str]) -> list[str]:
    """Return those that are not on the path."""
    return [tool for tool in tools if not any(shutil.which(command) for command in COMMANDS[tool])]


def install(tools: Sequence[str]) -> None:
    """Install with apt when we are root on such a system; else do nothing."""
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        return
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run([apt, "update", "-q"], env=quiet, stdout=subprocess.DEVNULL, check=False)
    command = [apt, "install", "-q", "-y", "--no-install-recommends", *tools]
    subprocess.run(command, env=quiet, stdout=subprocess.DEVNULL, check=False)


def main(tools: Sequence[str]) -> int:
    """See to the tools; return 0 when all are there."""
    if not missing(tools):
        return 0
    install(missing(tools))
    still = missing(tools)
    if still:
        sys.stderr.write(f"Missing: {', '.join(still)}. Install with: sudo apt-get install {' '.join(still)}\n")
    return 1 if still else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
