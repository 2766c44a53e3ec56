"""Make the virtual environment of this checkout and install one pinned requirements file. Needs nothing but Python.

Usage: bootstrap.py requirements-local.txt. With uv when it is there, else with venv and pip. Nothing is done when the
file has not changed since. This file must be readable for old Pythons too, to tell people what is missing.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

BASE = Path(__file__).resolve().parents[2]
VENV = BASE / ".venv"
OLDEST = (3, 11)
NEWER_NAMES = ("python3.13", "python3.12", "python3.11")


def main(requirements: str) -> int:
    """Bring the environment up to date; return the exit code."""
    if sys.version_info < OLDEST:
        return _with_a_newer_python(requirements)
    content = (BASE / requirements).read_bytes()
    stamp = VENV / (".installed-" + hashlib.sha256(content).hexdigest()[:16])
    if stamp.exists():
        return 0
    uv = shutil.which("uv")
    code = _install_with_uv(uv, requirements) if uv else 1
    if code:  # no uv, or one that knows less than pip of this machine's mirrors
        code = _install_with_pip(requirements)
    if code == 0:
        stamp.touch()
    return code


def _with_a_newer_python(requirements: str) -> int:
    for name in NEWER_NAMES:
        newer = shutil.which(name)
        if newer:
            return subprocess.run([newer, __file__, requirements], check=False).returncode
    _tell(
        f"Mesh Six needs Python 3.11 or newer; this is Python {_version()} at {sys.executable}.",
        "Install one (for instance: apt-get install python3.11 python3.11-venv),",
        "or name it: make demo PYTHON=/path/to/python3.11",
    )
    return 2


def _install_with_uv(uv: str, requirements: str) -> int:
    if not _python().exists():
        made = subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(VENV)], check=False).returncode
        if made:
            return made
    command = [uv, "pip", "install", "--quiet", "--python", str(_python()), "-r", str(BASE / requirements)]
    return subprocess.run(command, check=False).returncode


def _install_with_pip(requirements: str) -> int:
    if not (_python().exists() and _python().with_name("pip").exists()):
        made = subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=False).returncode
        if made:
            _tell(
                "This Python cannot make virtual environments.",
                f"Install its venv package, for instance: apt-get install python{_version()}-venv",
            )
            return 2
    _tell("installing " + requirements + " (once)")
    quiet = ["--quiet", "--disable-pip-version-check", "--no-input"]
    return subprocess.run(
        [str(_python()), "-m", "pip", "install", *quiet, "-r", str(BASE / requirements)], check=False
    ).returncode


def _python() -> Path:
    return VENV / ("Scripts" if os.name == "nt" else "bin") / "python"


def _version() -> str:
    return "{}.{}".format(*sys.version_info)


def _tell(*lines: str) -> None:
    sys.stderr.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
