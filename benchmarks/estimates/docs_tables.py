"""The table of estimated and needed memory and time."""

from __future__ import annotations

from pathlib import Path

from cells import head, line

from retain.folder import in_bytes
from retain.record_files import read_json

RESULTS = Path(__file__).parent / "results" / "estimates.json"


def estimates_table() -> str:
    """One row for each setting: memory and time, estimated and needed."""
    lines = head("setting", "memory estimated", "needed", "off", "seconds estimated", "needed", "off")
    for name, one in read_json(RESULTS)["settings"].items():
        cells = [in_bytes(one["memory_estimated"]), in_bytes(one["memory_needed"]), f"{one['memory_off']:+.0%}"]
        cells += [str(one["seconds_estimated"]), str(one["seconds_needed"]), f"{one['seconds_off']:+.0%}"]
        lines.append(line([name, *cells]))
    return "\n".join(lines)


TABLES = {"estimates table": estimates_table}
