"""`make up` keeps data, leaves nothing behind, steps aside, stays on loopback, and says why it cannot start."""

import ipaddress
import json
import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest

from deploy.local.children import still_there
from deploy.local.servers import OpenBao, Place, Postgres, Valkey
from tests.acceptance.launcher import DEADLINE_SECONDS, Launcher, run
from tests.servers import plain_environment
from tests.tree import BASE

pytestmark = [pytest.mark.acceptance, pytest.mark.xdist_group("stack")]


def listeners(processes: list[psutil.Process]) -> set[str]:
    """Return the addresses on which these processes listen."""
    found: set[str] = set()
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            connections = process.net_connections(kind="inet") if process.is_running() else []
            found |= {each.laddr.ip for each in connections if each.status == psutil.CONN_LISTEN}
    return found


def test_a_killed_launcher_leaves_no_process_and_its_data_is_there_at_the_next_start(tmp_path: Path) -> None:
    data = tmp_path / "data"
    launcher = Launcher(data).start()
    family = launcher.family()
    assert launcher.names() == {"postgres", "valkey", "openbao", "sandbox", "web", "worker-1", "beat-1", "agents"}
    assert httpx.get(f"{launcher.url}/readyz", timeout=60).status_code == httpx.codes.OK
    assert all(ipaddress.ip_address(each).is_loopback for each in listeners(family))
    managed = manage(launcher.environ, "onboarding_status", "--json")
    assert (managed.returncode, json.loads(managed.stdout)) == (0, {"results": []})
    password = launcher.said.partition(" with ")[2].partition(" ")[0]
    assert signs_in(launcher.url, password)
    launcher.kill()
    assert still_there(family, within=timedelta(seconds=DEADLINE_SECONDS)) == []

    with Launcher(data) as again:
        assert password not in again.said
        assert again.url == launcher.url
        assert signs_in(again.url, password)
        assert run(data, "up").returncode == 2
        assert "already runs" in run(data, "up").stdout
        assert again.url in run(data, "status").stdout
        assert run(data, "down").returncode == 0
        assert again.ended() == 0
    assert run(data, "status").returncode == 1
    assert not [path for path in data.rglob("*") if path.is_file() and path.stat().st_mode & 0o077 and is_secret(path)]


def is_secret(path: Path) -> bool:
    """Return whether a file of the data directory holds keys."""
    return path.parent.name == "data" and path.suffix in {".json", ".key", ".conf", ".hcl"}


def signs_in(url: str, password: str) -> bool:
    """Sign in as a browser does; return whether the overview opens."""
    with httpx.Client(timeout=60) as browser:
        browser.get(f"{url}/sign-in")
        form = {"username": "demo", "password": password, "csrfmiddlewaretoken": browser.cookies["csrftoken"]}
        browser.post(f"{url}/sign-in", data=form, headers={"Referer": url})
        return "sessionid" in browser.cookies


def manage(environ: Mapping[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command of manage.py beside the launcher."""
    command = [sys.executable, "-m", "deploy.local", "manage", *words]
    return subprocess.run(command, env=dict(environ), cwd=BASE, capture_output=True, text=True, check=False)


def test_a_command_without_a_platform_says_how_to_start_one(tmp_path: Path) -> None:
    refused = manage(plain_environment() | {"MESHSIX_DATA": str(tmp_path)}, "onboarding_status")
    assert refused.returncode == 2
    assert "make up" in refused.stdout


def test_no_embedded_server_starts_where_an_address_is_given(tmp_path: Path) -> None:
    place = Place(root=tmp_path / "elsewhere")
    place.make()
    with (
        Postgres(place, password=secrets.token_hex(8), durable=False) as postgres,
        Valkey(place, password=secrets.token_hex(8), durable=False) as valkey,
        OpenBao(place) as openbao,
        Launcher(tmp_path / "data", DATABASE_URL=postgres.url(), REDIS_URL=valkey.url, **openbao.env) as launcher,
    ):
        assert launcher.names() == {"sandbox", "web", "worker-1", "beat-1", "agents"}
        assert httpx.get(f"{launcher.url}/readyz", timeout=60).status_code == httpx.codes.OK
        with psycopg.connect(postgres.url()) as connection:
            assert connection.execute("SELECT username FROM auth_user").fetchall() == [("demo",)]
        assert launcher.stop() == 0


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port on which somebody else listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("name", ["WEB", "POSTGRES", "VALKEY", "OPENBAO"])
def test_a_taken_port_is_named_with_its_setting(tmp_path: Path, taken_port: int, name: str) -> None:
    done = run(tmp_path / "data", "up", **{f"MESHSIX_{name}_PORT": str(taken_port)})
    assert done.returncode == 2
    assert str(taken_port) in done.stdout
    assert f"MESHSIX_{name}_PORT" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_a_data_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    done = run(tmp_path / "file" / "data", "up")
    assert done.returncode == 2
    assert "cannot be written" in done.stdout
    assert "MESHSIX_DATA" in done.stdout


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 20 MB."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = (
        os.geteuid() == 0
        and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", str(place)], capture_output=True, check=False
        ).returncode
    )
    if not mounted:
        pytest.skip("only root may mount a small file system")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_is_named(small_disk: Path) -> None:
    done = run(small_disk / "data", "up")
    assert done.returncode == 2
    assert "MB" in done.stdout
    assert "MESHSIX_DATA" in done.stdout


def test_a_missing_git_is_named(tmp_path: Path) -> None:
    done = run(tmp_path / "data", "up", PATH=str(tmp_path))
    assert done.returncode == 2
    assert "git is missing" in done.stdout
