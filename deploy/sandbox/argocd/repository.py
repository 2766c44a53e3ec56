"""A git repository, read over HTTP into a bare mirror: which commit is a revision, and its files in a folder."""

import asyncio
import base64
import io
import os
import re
import tarfile
from pathlib import Path

COMMIT = re.compile(r"[0-9a-f]{40}")
SECONDS = 60.0


class GitError(Exception):
    """git failed; the message is what it said."""


class Repository:
    """One repository, mirrored below `directory`."""

    def __init__(self, url: str, directory: Path, *, user: str, token: str) -> None:
        self.url = url
        self._mirror = directory / "mirror.git"
        self._header = ""
        if token:
            self._header = "Basic " + base64.b64encode(f"{user}:{token}".encode()).decode()
        self._one_at_a_time = asyncio.Lock()

    async def _git(self, *words: str) -> bytes:
        """Run git without any configuration of the machine; the token is in the environment, never in arguments."""
        env = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self._mirror.parent),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
        }
        if self._header:
            env |= {
                "GIT_CONFIG_COUNT": "1",
                "GIT_CONFIG_KEY_0": "http.extraHeader",
                "GIT_CONFIG_VALUE_0": f"Authorization: {self._header}",
            }
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec("git", *words, env=env, stdout=pipe, stderr=pipe)
        try:
            out, said = await asyncio.wait_for(process.communicate(), SECONDS)
        except TimeoutError as error:
            process.kill()
            raise GitError(f"git {words[0]} took longer than {SECONDS:g} s") from error
        if process.returncode:
            raise GitError(said.decode(errors="replace").strip() or f"git {words[0]} failed")
        return out

    async def fetch(self) -> None:
        """Bring the mirror up to date. Raises GitError."""
        async with self._one_at_a_time:
            if not (self._mirror / "HEAD").exists():
                await self._git("init", "--bare", "--quiet", str(self._mirror))
            refs = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
            place = ("-C", str(self._mirror))
            await self._git(*place, "fetch", "--quiet", "--prune", "--update-head-ok", self.url, *refs)

    async def commit(self, revision: str) -> str:
        """Return the commit that a branch, tag, commit id or HEAD names. Raises GitError."""
        if revision == "HEAD":  # the mirror's own says nothing of the repository's
            told = await self._git("ls-remote", self.url, "HEAD")
            revision = told.decode().partition("\t")[0]
        for name in (revision, f"refs/heads/{revision}", f"refs/tags/{revision}"):
            try:
                found = await self._git(
                    "-C", str(self._mirror), "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}"
                )
            except GitError:
                continue
            return found.decode().strip()
        raise GitError(f"Unable to resolve '{revision}' to a commit SHA")

    async def export(self, commit: str, target: Path) -> None:
        """Write the files of a commit into an empty folder. Raises GitError."""
        archive = await self._git("-C", str(self._mirror), "archive", "--format=tar", commit)
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            tar.extractall(target, filter="data")
