"""``retain report``: renders a finished run again, or several side by side."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

from retain.commands.gate import load_finished, load_run
from retain.errors import UserError
from retain.reporting.runs import runs_of
from retain.reporting.write import HTML, write_reports, write_runs, write_sequence
from retain.sequence_records import SequenceRecord


def report(*runs: str | Path, output: str | Path | None = None) -> list[Path]:
    """Write ``report.md`` and ``report.html`` anew from ``record.json``, and return their paths.

    Several runs are put side by side in ``runs.md`` and ``runs.html``.

    Args:
        runs: folders of finished runs or comparisons, or their ``record.json``.
        output: where to write; one run's own folder when None.

    Raises:
        UserError: a folder holds no finished run, or several runs are given and no place for what is written.
    """
    if not runs:
        raise UserError("No run is named. Give the folder of a finished run.")
    if len(runs) > 1:
        return _side_by_side([Path(run) for run in runs], output)
    record = load_finished(runs[0])
    place = Path(output) if output is not None else _folder(Path(runs[0]))
    return write_sequence(record, place) if isinstance(record, SequenceRecord) else write_reports(record, place)


def _folder(run: Path) -> Path:
    return run if run.is_dir() else run.parent


def _side_by_side(runs: list[Path], output: str | Path | None) -> list[Path]:
    if output is None:
        raise UserError("Several runs are put side by side in a folder of their own: name it with --output FOLDER.")
    place = Path(output)
    records = [load_run(run) for run in runs]
    names = [_folder(run).resolve().name or str(run) for run in runs]
    shown = runs_of(list(zip(names, records, strict=True)))
    reports = {
        one.name: quote(os.path.relpath(_folder(run) / HTML, place))
        for one, run in zip(shown, runs, strict=True)
        if (_folder(run) / HTML).is_file()
    }
    return write_runs(shown, reports, place)
