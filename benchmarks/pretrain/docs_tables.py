"""The table of this benchmark's arms; said to be missing until it was run."""

from __future__ import annotations

from pathlib import Path

from cells import arms_table

RESULTS = Path(__file__).parent / "results"
ARMS = ["plain", "replay", "default"]


def table() -> str:
    """The arms whose records are committed."""
    return arms_table(RESULTS, ARMS) if RESULTS.is_dir() else "Not run yet."


TABLES = {"pretrain table": table}
