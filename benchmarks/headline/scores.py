"""The test scores of a finished run, item by item, in a small file that is committed: what pooling reads."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import NamedTuple

from retain.folder import write_bytes
from retain.records import Measurement, RunRecord

SCORES = Path(__file__).parent / "results" / "scores"
TEXTS = {"responses", "prompts", "references", "inputs", "also"}
Both = tuple[Measurement, Measurement]


class Scores(NamedTuple):
    """What a run scored on test items; probes whose unit is no share are left out.

    Attributes:
        task: (base, tuned) of the task.
        capabilities: the same of each capability, in the suite's order.
    """

    task: Both
    capabilities: list[Both]


def scores_path(task: str, family: str, seed: int) -> Path:
    """Where the scores of a run lie."""
    return SCORES / f"{task}-{family}-{seed}.json.gz"


def write_scores(record: RunRecord, task: str, family: str, seed: int) -> None:
    """Write a run's scores without texts."""
    tasks = {one.probe for one in record.comparison.gains}
    after = {one.probe: one for one in record.after}
    both = [(one, after[one.probe]) for one in record.before if one.probe in after and one.unit == "share"]
    plain = {
        name: [
            [one.model_dump(mode="json", exclude=TEXTS) for one in pair]
            for pair in both
            if (pair[0].probe in tasks) == here
        ]
        for name, here in (("task", True), ("capabilities", False))
    }
    path = scores_path(task, family, seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, gzip.compress(json.dumps(plain).encode(), mtime=0))


def read_scores(task: str, family: str, seed: int) -> Scores | None:
    """A run's scores, or None where there are none."""
    path = scores_path(task, family, seed)
    if not path.is_file():
        return None
    plain = json.loads(gzip.decompress(path.read_bytes()))
    read = {name: [_pair(one) for one in pairs] for name, pairs in plain.items()}
    return Scores(read["task"][0], read["capabilities"])


def _pair(plain: list[dict[str, object]]) -> Both:
    before, after = (Measurement.model_validate(one) for one in plain)
    return before, after
