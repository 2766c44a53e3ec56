"""Make the virtual environment of this checkout and install one pinned requirements file. Needs nothing but Python.

Usage: bootstrap.py requirements-local.txt. With uv, which comes from pip where it is not there; with pip alone where uv
cannot be had. Nothing is done when the file has not changed since. This file must be readable for old Pythons too, to
tell people what is missing.
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
UV = "uv==0.13.8"


def main(requirements: str) -> int:
    """Bring the environment up to date; return the exit code."""
    if sys.version_info < OLDEST:
        return _with_a_newer_python(requirements)
    content = (BASE / requirements).read_bytes()
    stamp = VENV / (".installed-" + hashlib.sha256(content).hexdigest()[:16])
    if stamp.exists():
        return 0
    uv = shutil.which("uv") or _uv_from_pip()
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


def _uv_from_pip() -> str | None:
    """Return the environment's own uv, installed where it is missing; None where it cannot be had."""
    uv = _python().with_name("uv")
    if not uv.exists() and _make_environment() == 0:
        _pip("install", UV)
    return str(uv) if uv.exists() else None


def _install_with_uv(uv: str, requirements: str) -> int:
    if not _python().exists():
        made = subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(VENV)], check=False).returncode
        if made:
            return made
    command = [uv, "pip", "install", "--quiet", "--python", str(_python()), "-r", str(BASE / requirements)]
    trusting = {**os.environ, "UV_SYSTEM_CERTS": "true", "UV_NATIVE_TLS": "true"}  # the authorities that pip trusts too
    return subprocess.run(command, env=trusting, check=False).returncode


def _install_with_pip(requirements: str) -> int:
    code = _make_environment()
    if code:
        return code
    _tell("installing " + requirements + " (once)")
    return _pip("install", "-r", str(BASE / requirements))


def _make_environment() -> int:
    if _python().exists() and _python().with_name("pip").exists():
        return 0
    if subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=False).returncode:
        _tell(
            "This Python cannot make virtual environments.",
            f"Install its venv package, for instance: apt-get install python{_version()}-venv",
        )
        return 2
    return 0


def _pip(*words: str) -> int:
    quiet = ["--quiet", "--disable-pip-version-check", "--no-input"]
    return subprocess.run([str(_python()), "-m", "pip", words[0], *quiet, *words[1:]], check=False).returncode


def _python() -> Path:
    return VENV / ("Scripts" if os.name == "nt" else "bin") / "python"


def _version() -> str:
    return "{}.{}".format(*sys.version_info)


def _tell(*lines: str) -> None:
    sys.stderr.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
