"""Run a command that ends when its parent ends, however the parent ends.

Usage: leash.py PARENT_PID SIGNAL COMMAND [ARGUMENT ...]. A script, not a module: it is started once for each child,
so it imports next to nothing. On systems without PR_SET_PDEATHSIG the command just runs; the next start finds it by
its pid file.
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1  # https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html


def main(parent: int, signal: int, command: list[str]) -> None:
    """Tie this process to its parent, then become the command."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal)
    if os.getppid() != parent:  # it died before the leash was on
        sys.exit(1)
    os.execvp(command[0], command)  # noqa: S606 - no shell: a list of arguments from the launcher


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
