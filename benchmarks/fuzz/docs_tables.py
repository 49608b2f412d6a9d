"""The table of the fuzzing campaign."""

from __future__ import annotations

from pathlib import Path

from cells import NOT_RUN, head, line

from retain.record_files import read_json

RESULTS = Path(__file__).parent / "results.json"


def fuzz_table() -> str:
    """One row for each kind of input: how many were accepted, refused, or led to a failure."""
    if not RESULTS.is_file():
        return NOT_RUN
    lines = head("input", "inputs", "accepted", "refused", "failures", "slowest", "most memory")
    for kind, one in read_json(RESULTS)["kinds"].items():
        counts = [f"{one[name]:,}" for name in ("inputs", "accepted", "refused", "failures")]
        cells = [kind, *counts, f"{one['slowest in seconds']} s", f"{one['memory in MiB']['most']} MiB"]
        lines.append(line(cells))
    return "\n".join(lines)


TABLES = {"fuzz table": fuzz_table}
