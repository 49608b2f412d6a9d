"""The table of null-space updates."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from cells import NOT_RUN, head, line

from retain.record_files import read_json

RESULTS = Path(__file__).parent / "results"


def null_space_table(task: str) -> str:
    """One row for each adapter and text: its change of the outputs over that of free updates of equal norm."""
    path = RESULTS / f"{task}.json"
    if not path.is_file():
        return NOT_RUN
    lines = head("adapter", "text", "over", "median layer", "mean", "most", "layers within .15")
    for adapter, texts in read_json(path)["changes"].items():
        for text, others in texts.items():
            for other, one in others.items():
                cells = [f"{one[name]:.3f}" for name in ("median", "mean", "most")]
                cells = [
                    adapter.replace("_", " "),
                    text,
                    other.removeprefix("over "),
                    *cells,
                    f"{one['within 0.15']:.0%}",
                ]
                lines.append(line(cells))
    return "\n".join(lines)


TABLES = {
    "null space table": partial(null_space_table, "banking77"),
}
