"""Small ranking data in the shapes that people have."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., str]:
    """Writes a file into a temporary folder (objects as JSONL) and gives back its path."""

    def write(name: str, content: Any) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, list):
            content = "\n".join(json.dumps(row) for row in content)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return write


@pytest.fixture
def beir(write, tmp_path) -> Path:
    """A BEIR folder: four documents, three queries, train and test judgements."""
    write(
        "set/corpus.jsonl",
        [
            {"_id": "d1", "title": "Cats", "text": "cats chase mice"},
            {"_id": "d2", "title": "", "text": "dogs bark at cats"},
            {"_id": 3, "title": "Fish", "text": "fish swim"},
            {"_id": "d4", "title": "Fish", "text": "fish swim"},
        ],
    )
    write(
        "set/queries.jsonl",
        [
            {"_id": "q1", "text": "who chases mice"},
            {"_id": "q2", "text": "who does bark"},
            {"_id": "q3", "text": "unasked"},
        ],
    )
    write("set/qrels/train.tsv", "query-id\tcorpus-id\tscore\nq1\td1\t2\nq1\td2\t0\n")
    write("set/qrels/test.tsv", "query-id\tcorpus-id\tscore\nq2\td2\t1\n")
    return tmp_path / "set"
