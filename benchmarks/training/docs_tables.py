"""The tables of what training costs."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from cells import head, line

from retain.record_files import read_json

RESULTS = Path(__file__).parent / "results"
OVER = (("time", "trl"), ("time", "plain"), ("memory", "plain"))


def cost_table(run: str) -> str:
    """One row for each side: task tokens a second, time and memory over the plain fine-tune's."""
    sides = read_json(RESULTS / f"{run}.json")["sides"]
    lines = head("side", "task tokens a second", "time over TRL's", "time over plain", "memory over plain")
    for side, one in sides.items():
        cells = [one["tokens_per_second"], *(one.get(f"{what}_over_{of}", "") for what, of in OVER)]
        lines.append(line([side, *map(str, cells)]))
    return "\n".join(lines)


TABLES = {
    "cost table": partial(cost_table, "cost"),
    "second cost table": partial(cost_table, "second"),
}
