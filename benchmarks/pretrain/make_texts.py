"""Makes this benchmark's texts from ../shared/data: biomedical abstracts to learn, web pages to replay and to keep.

    python benchmarks/pretrain/make_texts.py
    python benchmarks/pretrain/make_texts.py --documents 40 --folder runs/try       # does it work at all?

Written are, in --folder (runs/pretrain): ``train/`` with the abstracts of SciFact's corpus to learn, one a line;
``dev.jsonl`` and ``test.jsonl`` with other ones; ``general.jsonl`` with one half of C4's pages, to replay; and
``suite.yaml``, which measures the bits per byte of the other half and of Wikipedia, beside six probes of Retain's core
suite. Which page goes where is decided by a hash of it. Nothing of the texts is part of the project.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml

from retain.data.documents import parts_of
from retain.data.example import Example
from retain.data.overlap import overlap_finder
from retain.data.splits import hash_order
from retain.folder import write_text
from retain.probes.suites import load_suite

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
ITEMS = ROOT / "src" / "retain" / "probes" / "suites" / "items"
DOCUMENTS = 270
"""Abstracts to learn: about 90,000 tokens."""
DEV, TEST = 60, 120
PARTS, LONGEST = 6, 2000
"""Of each Wikipedia article these many first parts, of at most so many characters."""
KEPT = [
    {"kind": "answers", "name": "facts", "capability": "general knowledge", "score": "contains", "max_tokens": 24},
    {"kind": "answers", "name": "arithmetic", "capability": "arithmetic", "score": "number", "max_tokens": 24},
    {"kind": "answers", "name": "rewriting", "capability": "working with words", "score": "contains", "max_tokens": 24},
    {"kind": "answers", "name": "reading", "capability": "reading", "score": "contains", "max_tokens": 24},
    {"kind": "multiple_choice", "name": "commonsense", "capability": "commonsense"},
    {"kind": "multiple_choice", "name": "knowledge", "capability": "factual knowledge"},
]
"""Probes of the core suite; their items are named alike."""


def texts(path: Path) -> list[str]:
    """The texts of a file, in the order of their hashes; a title goes before its text."""
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    found = {"\n\n".join(part for part in (row.get("title"), row["text"]) if part) for row in rows}
    return sorted(found, key=hash_order)


def articles(found: Sequence[str]) -> list[dict[str, str]]:
    """Items for a probe: the first parts of each article, which share a cluster."""
    return [
        {"text": part.strip(), "cluster": f"article {place}"}
        for place, text in enumerate(found)
        for part in list(parts_of(text, LONGEST))[:PARTS]
        if part.strip()
    ]


def write_lines(path: Path, rows: Iterable[Any]) -> None:
    """Rows as JSON Lines; a string is a text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    plain = (row if isinstance(row, dict) else {"text": row} for row in rows)
    write_text(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in plain))


def suite(folder: Path) -> str:
    """The suite as YAML; items of the package are named from the folder."""
    kept = [{**one, "items": os.path.relpath(ITEMS / f"{one['name']}.jsonl", folder)} for one in KEPT]
    text = [
        {"kind": "bits_per_byte", "name": name, "capability": what, "items": f"{name}.jsonl"}
        for name, what in (("web", "web pages"), ("wikipedia", "encyclopedia"))
    ]
    return yaml.safe_dump({"name": "pretrain", "probes": [*kept, *text]}, sort_keys=False)


def without_items(found: Sequence[str], suite_file: Path) -> list[str]:
    """The texts that share no passage with what is measured: web pages have legal notices in common."""
    overlap = overlap_finder({probe.name: list(probe.texts()) for probe in load_suite(suite_file).probes})
    return [text for text in found if not overlap(Example(id=text, shape="text", text=text))]


def make(folder: Path, documents: int = DOCUMENTS) -> None:
    """Write everything into a folder.

    Raises:
        SystemExit: ../shared/data is not there.
    """
    if not DATA.is_dir():
        raise SystemExit(f"the public data samples are not at {DATA}")
    abstracts, pages = texts(DATA / "rank" / "scifact" / "corpus.jsonl"), texts(DATA / "text" / "c4.jsonl")
    write_lines(folder / "test.jsonl", abstracts[:TEST])
    write_lines(folder / "dev.jsonl", abstracts[TEST : TEST + DEV])
    write_lines(folder / "web.jsonl", pages[1::2])
    write_lines(folder / "wikipedia.jsonl", articles(texts(DATA / "text" / "wikipedia.jsonl")))
    write_text(folder / "suite.yaml", suite(folder))
    learned = without_items(abstracts[TEST + DEV :], folder / "suite.yaml")[:documents]
    write_lines(folder / "train" / "abstracts.jsonl", learned)
    write_lines(folder / "general.jsonl", without_items(pages[::2], folder / "suite.yaml"))


def main() -> None:
    """Write the texts where the recipes look for them."""
    parser = argparse.ArgumentParser(description="Make the texts of the benchmark.")
    parser.add_argument("--folder", type=Path, default=ROOT / "runs" / "pretrain")
    parser.add_argument("--documents", type=int, default=DOCUMENTS, help="abstracts to learn")
    options = parser.parse_args()
    make(options.folder, options.documents)
    print(f"written to {options.folder}")


if __name__ == "__main__":
    main()
