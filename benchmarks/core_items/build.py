"""Write the built-in suites' items and the quickstart's rows from the hand-written tables beside this file.

Command: ``python benchmarks/core_items/build.py`` (no model, no network; the same files every time).
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import tickets

ROOT = Path(__file__).resolve().parents[2]
ITEMS = ROOT / "src" / "retain" / "probes" / "suites" / "items"
QUICKSTART = ROOT / "examples" / "quickstart" / "tickets.jsonl"
PROBES = [
    "facts",
    "arithmetic",
    "rewriting",
    "formats",
    "instructions",
    "explanations",
    "reading",
    "commonsense",
    "knowledge",
    "language",
]


def write(path: Path, rows: Iterable[dict[str, Any]]) -> int:
    """Write rows as JSON lines; return how many."""
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return len(lines)


def main() -> None:
    """Write every file and say how many rows each holds."""
    for name in PROBES:
        print(f"{name:12} {write(ITEMS / f'{name}.jsonl', importlib.import_module(name).items())}")
    print(f"{'tickets':12} {write(QUICKSTART, tickets.rows())}")


if __name__ == "__main__":
    main()
