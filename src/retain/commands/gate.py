"""``retain gate``: judges a finished comparison, for release pipelines."""

from __future__ import annotations

from pathlib import Path

from retain.comparison.gate import judge
from retain.errors import UserError
from retain.folder import read_record
from retain.records import Gate, RunRecord, Verdict


def gate(comparison: str | Path, margins: Gate | None = None) -> Verdict:
    """The verdict on a run or comparison, with its own margins or with others.

    Args:
        comparison: a ``record.json``, or the folder that holds one.
        margins: other margins than those it was judged by.

    Raises:
        UserError: there is no such record.
    """
    record = load_run(comparison)
    return judge(record.comparison, margins or record.verdict.gate)


def load_run(place: str | Path) -> RunRecord:
    """The record of a finished run or comparison.

    Raises:
        UserError: there is none, or the run is not finished.
    """
    path = Path(place)
    if path.is_dir():
        if not (path / "record.json").is_file():
            unfinished = (path / "recipe.yaml").is_file()
            hint = "the run is not finished: run the same command again" if unfinished else "it is not a run folder"
            raise UserError(f"{path} holds no record.json: {hint}")
        path = path / "record.json"
    return read_record(path, RunRecord)
