"""Write the built-in suites' items and the examples' rows from the hand-written tables beside this file.

Command: ``python benchmarks/core_items/build.py`` (no model, no network; the same files every time).
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import help_centre
import tickets

ROOT = Path(__file__).resolve().parents[2]
ITEMS = ROOT / "src" / "retain" / "probes" / "suites" / "items"
QUICKSTART = ROOT / "examples" / "quickstart" / "tickets.jsonl"
RERANKER = ROOT / "examples" / "reranker"
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


def write_beir(folder: Path, documents: list[dict[str, str]], queries: list[dict[str, str]], judged: list[str]) -> int:
    """Write a BEIR folder with the documents to rank; return how many queries it has."""
    write(folder / "corpus.jsonl", documents)
    (folder / "qrels").mkdir(parents=True, exist_ok=True)
    (folder / "qrels" / "all.tsv").write_text("\n".join(judged) + "\n", encoding="utf-8")
    (folder / "run.txt").write_text("\n".join(help_centre.run(documents, judged)) + "\n", encoding="utf-8")
    return write(folder / "queries.jsonl", queries)


def main() -> None:
    """Write every file and say how many rows each holds."""
    for name in PROBES:
        print(f"{name:12} {write(ITEMS / f'{name}.jsonl', importlib.import_module(name).items())}")
    print(f"{'tickets':12} {write(QUICKSTART, tickets.rows())}")
    for name, made in (("shop", help_centre.shop()), ("texts", help_centre.texts())):
        print(f"{name:12} {write_beir(RERANKER / name, *made)}")
    print(f"{'general':12} {write(RERANKER / 'general.jsonl', help_centre.general())}")


if __name__ == "__main__":
    main()
