"""The settings of production: Django finds nothing to say, and only named proxies are believed."""

import os
import subprocess
import sys

import pytest

from tests.tree import BASE

PRODUCTION = {
    "DJANGO_SECRET_KEY": "".join(chr(code) for code in range(48, 123)),
    "PUBLIC_URL": "https://mesh-six.example.org",
    "ALLOWED_HOSTS": "mesh-six.example.org",
}


def run(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "meshsix.settings", **PRODUCTION, **more}
    return subprocess.run(
        [sys.executable, *words], capture_output=True, env=environment, cwd=BASE, check=False, text=True, timeout=60
    )


def test_django_has_nothing_to_say_about_production() -> None:
    done = run("manage.py", "check", "--deploy", "--fail-level", "WARNING", TRUSTED_PROXIES="10.0.0.0/8")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("proxies", "believed"), [("", "None"), ("10.0.0.0/8", "('HTTP_X_FORWARDED_PROTO', 'https')")])
def test_a_forwarded_scheme_is_believed_behind_named_proxies_alone(proxies: str, believed: str) -> None:
    shown = run("-c", "from meshsix import settings; print(settings.SECURE_PROXY_SSL_HEADER)", TRUSTED_PROXIES=proxies)
    assert shown.stdout.strip() == believed
