"""The tables of the lint."""

from __future__ import annotations

from pathlib import Path

from cells import NOT_RUN, head, line

from retain.record_files import read_json

RESULTS = Path(__file__).parent / "results"


def lint_rates_table() -> str:
    """One row for each check: in how many seeds a planted fault is found, how many rows of it, and false alarms."""
    path = RESULTS / "rates.json"
    if not path.is_file():
        return NOT_RUN
    found = read_json(path)
    seeds = found["seeds"]
    lines = head("check", "planted", "found in", "rows named", "false alarms on clean sets")
    for name, one in found["checks"].items():
        named, planted = one["rows"]
        false = one["false alarms"]
        cells = [f"`{name}`", one["about"], f"{one['found']} of {seeds}", f"{named} of {planted}" if planted else ""]
        lines.append(line([*cells, f"{sum(false.values())} of {seeds * len(false)}"]))
    return "\n".join(lines)


def lint_cost_table() -> str:
    """What all checks cost on one large set: the whole, then the dearest checks."""
    path = RESULTS / "cost.json"
    if not path.is_file():
        return NOT_RUN
    one = read_json(path)
    lines = head("", "")
    rows = f"{one['rows']:,} and {one['held_out']:,} held out, {one['characters_per_row']} characters each"
    lines.append(f"| rows | {rows} |")
    lines.append(f"| processor time | {one['seconds_processor']} s |")
    lines.append(f"| peak memory, rows included | {one['peak_memory_mb']:,} MB |")
    dear = list(one["seconds_processor_by_check"].items())[:8]
    lines += [f"| `{name}` | {seconds} s |" for name, seconds in dear]
    return "\n".join(lines)


TABLES = {
    "lint rates table": lint_rates_table,
    "lint cost table": lint_cost_table,
}
