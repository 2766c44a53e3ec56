"""Where a server keeps its things below one data directory."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from deploy.local.errors import CannotStart

NEEDED_MB = 200


@dataclass(frozen=True, kw_only=True)
class Place:
    """The directories of one stack: data of each server, logs, pid files. Nobody but the owner may look inside."""

    root: Path

    @property
    def logs(self) -> Path:
        """Where the children's output goes, one file each."""
        return self.root / "logs"

    @property
    def pids(self) -> Path:
        """Where the pid files are, one for each running child."""
        return self.root / "run"

    def make(self) -> None:
        """Make the directories. Raises CannotStart when the disk is full or not writable."""
        try:
            for directory in (self.root, self.logs, self.pids):
                directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            free_mb = shutil.disk_usage(self.root).free // 2**20
        except OSError as error:
            raise CannotStart(
                f"The data directory {self.root} cannot be written: {error.strerror}.",
                hint="Mend its permissions, or set MESHSIX_DATA to another directory.",
            ) from error
        if not os.access(self.root, os.W_OK):
            raise CannotStart(
                f"The data directory {self.root} cannot be written.",
                hint="Mend its permissions, or set MESHSIX_DATA to another directory.",
            )
        if free_mb < NEEDED_MB:
            raise CannotStart(
                f"The disk of {self.root} is full: {free_mb} MB are free, and the servers need {NEEDED_MB} MB.",
                hint="Free some space, or set MESHSIX_DATA to a directory on another disk.",
            )

    def log(self, name: str) -> Path:
        """Return the log file of a child."""
        return self.logs / f"{name}.log"

    @property
    def environment(self) -> Path:
        """Where the settings of the running platform are kept for `manage`; readable for its owner alone."""
        return self.root / "environment.json"

    def pid_file(self, name: str) -> Path:
        """Return the pid file of a child."""
        return self.pids / f"{name}.json"
