"""The launcher's own settings: where the data lives, which ports are fixed, how many workers run."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from deploy.local.errors import CannotStart

BASE = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, kw_only=True)
class Options:
    """How to run one stack. `environ` is what its processes inherit; the settings in it decide what steps aside.

    `agents` adds one process that works as every agent of the deployment.
    """

    data: Path
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    workers: int = 2
    beats: int = 1
    web: bool = True
    agents: bool = False
    clock_offset: timedelta = timedelta(0)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "Options":
        """Read MESHSIX_DATA and MESHSIX_WORKERS. Raises CannotStart for a value that cannot be used."""
        workers = environ.get("MESHSIX_WORKERS") or "2"
        if not (workers.isascii() and workers.isdigit() and int(workers) > 0):
            raise CannotStart(f"MESHSIX_WORKERS must be a whole number from 1, not {workers!r}.", hint="Mend it.")
        data = Path(environ.get("MESHSIX_DATA") or BASE / ".meshsix").absolute()
        return cls(data=data, environ=dict(environ), workers=int(workers), agents=True)
