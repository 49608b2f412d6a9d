"""The table of the exports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cells import NOT_RUN, head, interval, line

RESULTS = Path(__file__).parent / "results"
ORDER = ("quickstart", "small")
"""Files of results; the first that is there is shown."""
COLUMNS = (
    "form", "type", "size", "gain", "mean change from the base", "mean change from the unexported model",
    "items flipped", "largest difference of a logit", "same token", "llama.cpp: same token", "verdicts",
)  # fmt: skip


def export_table() -> str:
    """One row for each export: what it lost of the base and of the unexported model, and how near the answers are."""
    path = next((one for name in ORDER if (one := RESULTS / f"{name}.json").is_file()), None)
    if path is None:
        return NOT_RUN
    found = json.loads(path.read_text("utf-8"))
    return "\n".join([*head(*COLUMNS), *(line(_cells(one)) for one in found["exports"])])


def _cells(one: dict[str, Any]) -> list[str]:
    export, base, tuned = one["export"], one["against base"], one["against tuned"]
    size = sum(file["size"] for file in export["files"])
    flipped = sum(change["won"] + change["lost"] for change in tuned["losses"])
    items = sum(change["items"] for change in tuned["losses"])
    verdicts = export["verdicts"]
    return [
        export["form"],
        export["type"],
        f"{size / 1e6:,.0f} MB",
        interval(base["gains"][0]) if base["gains"] else "",
        interval(base["pooled"]) if base["pooled"] else "",
        interval(tuned["pooled"]) if tuned["pooled"] else "",
        f"{flipped} of {items}",
        f"{export['same']['largest']:.3g}",
        _share(export["same"]),
        _share(export["runtime"]),
        f"{verdicts['against base']}, {verdicts['against tuned']}",
    ]


def _share(same: dict[str, Any] | None) -> str:
    return f"{100 * same['agreement']:.1f}%" if same and same["agreement"] is not None else ""


TABLES = {"export table": export_table}
