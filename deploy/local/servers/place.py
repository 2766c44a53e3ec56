"""Where a server keeps its things below one data directory."""

from dataclasses import dataclass
from pathlib import Path

from deploy.local.errors import CannotStart


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
            probe = self.root / ".probe"
            probe.write_bytes(b"x" * 65536)
            probe.unlink()
        except OSError as error:
            raise CannotStart(
                f"The data directory {self.root} cannot be written: {error.strerror}.",
                hint="Free some space or mend its permissions, or set MESHSIX_DATA to another directory.",
            ) from error

    def log(self, name: str) -> Path:
        """Return the log file of a child."""
        return self.logs / f"{name}.log"

    def pid_file(self, name: str) -> Path:
        """Return the pid file of a child."""
        return self.pids / f"{name}.json"
