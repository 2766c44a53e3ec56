"""git itself clones from the sandbox and pushes to it; a push is seen by everything else."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.contract.sandbox_github.callers import CLASSIC, READER, Client, Receiver, Sandbox

REPO = "/repos/octo-org/bookmarks"
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    **{
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "A"), ("EMAIL", "a@example.org"))
    },
}


def git(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["git", *arguments], cwd=place, env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=30
    )


def clone(sandbox: Sandbox, place: Path, token: str | None, name: str = "octo-org/bookmarks.git") -> Path:
    who = f"//x-access-token:{token}@" if token else "//"
    done = git(place, "clone", "--quiet", sandbox.url.replace("//", who) + f"/{name}", "work")
    assert done.returncode == 0, done.stderr
    return place / "work"


def commit(work: Path, name: str) -> None:
    (work / name).write_text(f"{name}\n")
    assert git(work, "add", name).returncode == 0
    assert git(work, "commit", "--quiet", "-m", f"Add {name}").returncode == 0


def test_clone_commit_push_and_fetch(sandbox: Sandbox, octo: Client, receiver: Receiver, tmp_path: Path) -> None:
    octo.post(f"{REPO}/hooks", json={"config": {"url": receiver.url, "content_type": "json"}, "events": ["push"]})
    work = clone(sandbox, tmp_path, CLASSIC)
    assert (work / "bookmarks" / "web.py").exists()
    before = git(work, "rev-parse", "HEAD").stdout.strip()
    commit(work, "one.txt")
    commit(work, "two.txt")
    done = git(work, "push", "--quiet")
    assert done.returncode == 0, done.stderr
    after = git(work, "rev-parse", "HEAD").stdout.strip()
    assert octo.get(f"{REPO}/git/ref/heads/main").json()["object"]["sha"] == after
    payload = receiver.next("push").payload
    assert (payload["before"], payload["after"], payload["ref"]) == (before, after, "refs/heads/main")
    assert [each["added"] for each in payload["commits"]] == [["one.txt"], ["two.txt"]]
    octo.put(f"{REPO}/contents/three.txt", json={"message": "Add three", "content": "Mw=="})
    assert git(work, "pull", "--quiet", "--ff-only").returncode == 0
    assert (work / "three.txt").read_text() == "3"


def test_everybody_reads_what_is_public_and_nobody_else_pushes(sandbox: Sandbox, tmp_path: Path) -> None:
    work = clone(sandbox, tmp_path, None, "octo-org/bookmarks")
    commit(work, "mine.txt")
    assert git(work, "push").returncode != 0
    git(work, "remote", "set-url", "origin", sandbox.url.replace("//", f"//x:{READER}@") + "/octo-org/bookmarks.git")
    assert git(work, "push").returncode != 0
    git(work, "remote", "set-url", "origin", sandbox.url.replace("//", "//x:wrong-token@") + "/octo-org/bookmarks.git")
    assert "uthentication failed" in git(work, "push").stderr


def test_private_repository_is_hidden(sandbox: Sandbox, octo: Client, tmp_path: Path) -> None:
    octo.patch("/_sandbox/repositories/octo-org/bookmarks", json={"private": True})
    assert git(tmp_path, "clone", f"{sandbox.url}/octo-org/bookmarks.git", "no").returncode != 0
    clone(sandbox, tmp_path, CLASSIC)


def test_protected_branch_and_archive_refuse_a_push(sandbox: Sandbox, octo: Client, tmp_path: Path) -> None:
    work = clone(sandbox, tmp_path, CLASSIC)
    commit(work, "one.txt")
    octo.patch("/_sandbox/repositories/octo-org/bookmarks", json={"protected": ["main"]})
    assert "GH006" in git(work, "push").stderr
    octo.patch("/_sandbox/repositories/octo-org/bookmarks", json={"protected": [], "archived": True})
    assert "403" in git(work, "push").stderr


@pytest.mark.parametrize("name", ["octo-org/none.git", "nobody/bookmarks.git"])
def test_unknown_repository_is_not_found(sandbox: Sandbox, tmp_path: Path, name: str) -> None:
    done = git(tmp_path, "clone", sandbox.url.replace("//", f"//x:{CLASSIC}@") + f"/{name}", "no")
    assert "not found" in done.stderr
