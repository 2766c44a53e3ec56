"""How long `make up` takes until it says that the platform is up: on empty data, and again on data that was kept.

Goal: 10 s for a start on kept data. `make` itself and the installing of packages are not in it.
"""

import json
import sys
import tempfile
from pathlib import Path
from statistics import median

from tests.acceptance.launcher import Launcher
from tests.perf.sizes import size

AGAIN = size(3, small=1)


def measure() -> dict[str, float]:
    """Start once on empty data and some times more on what was kept; return seconds."""
    with tempfile.TemporaryDirectory() as directory:
        data = Path(directory) / "data"
        first = _start(data)
        later = [_start(data) for _ in range(AGAIN)]
    return {
        "first_start_s": round(first, 1),
        "start_on_kept_data_p50_s": round(median(later), 1),
        "start_on_kept_data_longest_s": round(max(later), 1),
    }


def _start(data: Path) -> float:
    """Start and stop the platform; return how many seconds the start took."""
    with Launcher(data) as launcher:
        return launcher.took_seconds


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure(), indent=2) + "\n")
