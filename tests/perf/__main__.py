"""`make bench`: run every benchmark and write BENCHMARKS.md, with the figures of this machine.

`make bench ARGS="live paint"` runs some and writes no file; with `--small` they only show that they work.

Each runs in a process of its own and prints JSON. Ratios come from one run on one machine: only they can be compared.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.perf import sizes

BASE = Path(__file__).resolve().parents[2]
BENCHES = {
    "engine": ("The step engine", "tests.perf.bench_engine"),
    "live": ("Live progress", "tests.perf.bench_live"),
    "paint": ("From commit to paint", "tests.perf.bench_paint"),
    "door": ("The door for webhooks", "tests.perf.bench_door"),
    "onboarding": ("Onboarding in the sandbox", "tests.perf.bench_onboarding"),
    "scoring": ("Scoring agents", "tests.perf.bench_scoring"),
    "dispatch": ("Tasks from request to result", "tests.perf.bench_dispatch"),
    "beats": ("Beats of agents", "tests.perf.bench_beats"),
    "start": ("Starting the platform on one machine", "tests.perf.bench_start"),
}


def main() -> None:
    """Run all, or those that are named, and write the file when all ran at their usual size."""
    parser = argparse.ArgumentParser(description="Run benchmarks.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHES)}; all where none is named")
    parser.add_argument("--small", action="store_true", help="only show that they work")
    asked = parser.parse_args()
    if unknown := set(asked.names) - set(BENCHES):
        parser.error(f"no benchmark is called {', '.join(sorted(unknown))}")
    if asked.small:
        sizes.make_small()
    results = {name: _run(BENCHES[name][1]) for name in asked.names or BENCHES}
    text = "\n".join(_report(results))
    sys.stdout.write(text + "\n")
    if set(results) == set(BENCHES) and not asked.small:
        (BASE / "BENCHMARKS.md").write_text(text + "\n", encoding="utf-8")


def _run(module: str) -> Mapping[str, Any]:
    sys.stderr.write(f"{module}\n")
    done = subprocess.run([sys.executable, "-m", module], cwd=BASE, stdout=subprocess.PIPE, text=True, check=True)
    figures: Mapping[str, Any] = json.loads(done.stdout[done.stdout.index("{") :])
    return figures


def _report(results: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    yield "# Benchmarks"
    yield ""
    yield "Written by `make bench`. What each one measures stands at the top of its file in `tests/perf`."
    yield ""
    yield f"Machine: {platform.machine()}, {os.cpu_count()} processors, {_memory()}, {platform.system()}, "
    yield f"Python {platform.python_version()}."
    for name, figures in results.items():
        yield f"\n## {BENCHES[name][0]}\n"
        yield from _tables(figures)


def _tables(figures: Mapping[str, Any]) -> Iterator[str]:
    """One table for the plain figures, and one with a column a group for the others."""
    plain = {name: value for name, value in figures.items() if not isinstance(value, Mapping)}
    groups = {name: value for name, value in figures.items() if isinstance(value, Mapping)}
    alike = {name: value for name, value in groups.items() if name != "ratios"}
    if alike:
        rows = list(dict.fromkeys(row for value in alike.values() for row in value))
        yield from _table(
            ["", *map(_words, alike)], [[_words(row), *(v.get(row, "") for v in alike.values())] for row in rows]
        )
    if "ratios" in groups:
        yield ""
        yield from _table(
            ["ratio", "ours against it"], [[_words(row), value] for row, value in groups["ratios"].items()]
        )
    if plain:
        yield from _table(["", ""], [[_words(row), value] for row, value in plain.items()])


def _table(head: list[str], rows: list[list[Any]]) -> Iterator[str]:
    for row in (head, ["---"] * len(head), *rows):
        yield "| " + " | ".join(map(str, row)) + " |"


def _words(name: str) -> str:
    return name.replace("_", " ")


def _memory() -> str:
    return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GB"


if __name__ == "__main__":
    main()
