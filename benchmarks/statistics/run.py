"""Coverage, wrong verdicts and power by simulation, written to results.json and results.md.

    python benchmarks/statistics/run.py            # everything, under an hour on one core
    python benchmarks/statistics/run.py binary     # one part (--draws 500 for a quick look); the others stay

Seeded: the same versions give the same numbers.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import coverage
import guessing
import numpy
import scipy
import verdicts

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
DRAWS = 5000

PARTS: dict[str, tuple[Callable[[int], list[dict[str, Any]]], str]] = {
    "binary": (coverage.binary, "Intervals: one probe, right or wrong"),
    "binary_clustered": (coverage.binary_clustered, "Intervals: one probe, right or wrong, five items to a passage"),
    "continuous": (coverage.continuous, "Intervals: one probe, scores between 0 and 1"),
    "percent": (coverage.percent, "Intervals: bits per byte, in percent of the base's"),
    "pooled": (coverage.pooled, "Intervals: the mean of eight probes"),
    "pooled_clustered": (coverage.pooled_clustered, "Intervals: the mean of eight probes, five items to a passage"),
    "seeds": (coverage.seeds, "Intervals: the mean over seeds"),
    "gains": (coverage.gains, "Intervals: retained gain"),
    "probe_errors": (verdicts.probe_errors, "Wrong verdicts on one capability, margin 3 points"),
    "clustered_errors": (verdicts.clustered_errors, "Wrong verdicts on one capability, five items to a passage"),
    "run_errors": (verdicts.run_errors, "Wrong verdicts on a run of eight capabilities"),
    "power": (verdicts.power, "Power at the planned number of items (80% wanted)"),
    "adjusted": (guessing.adjusted, "Flips beyond guessing: mean estimates in points"),
    "clear_of_chance": (guessing.clear_of_chance, "A guessing base taken for an able one"),
    "noise_rule": (guessing.noise_rule, "The rule of the noise floor"),
}


def main(words: Sequence[str]) -> None:
    """Run the named parts, or all, and write both files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="part", help=", ".join(PARTS))
    parser.add_argument("--draws", type=int, default=DRAWS)
    chosen = parser.parse_args(words)
    if unknown := [name for name in chosen.parts if name not in PARTS]:
        parser.error(f"no part {unknown[0]!r}; allowed: {', '.join(PARTS)}")
    found = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for name in chosen.parts or PARTS:
        start = time.perf_counter()
        rows = PARTS[name][0](chosen.draws)
        seconds = round(time.perf_counter() - start, 1)
        versions = {"numpy": numpy.__version__, "scipy": scipy.__version__}
        found[name] = {"draws": chosen.draws, "versions": versions, "rows": rows}
        RESULTS.write_text(json.dumps({part: found[part] for part in PARTS if part in found}, indent=1) + "\n")
        sys.stderr.write(f"{name}: {seconds} s\n")
    (HERE / "results.md").write_text(render(found))


def render(found: dict[str, Any]) -> str:
    """All parts as markdown tables; percentages with one decimal."""
    lines = ["# Statistics, simulated", "", "Written by `run.py` from `results.json`. All rates in percent."]
    for name, (_, title) in PARTS.items():
        if name in found:
            rows = found[name]["rows"]
            lines += ["", f"## {title}", "", f"{found[name]['draws']:,} draws each.", "", *_table(rows)]
    return "\n".join(lines) + "\n"


def _table(rows: Sequence[dict[str, Any]]) -> list[str]:
    columns = list(rows[0])
    head = [column.replace("_", " ") for column in columns]
    body = [[_cell(row[column]) for column in columns] for row in rows]
    return [f"| {' | '.join(line)} |" for line in [head, ["---"] * len(columns), *body]]


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.2f}" if 0 < abs(value) < 1 else f"{value:.1f}"
    return str(value)


if __name__ == "__main__":
    main(sys.argv[1:])
