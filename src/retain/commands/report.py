"""``retain report``: renders a finished run again."""

from __future__ import annotations

from pathlib import Path

from retain.commands.gate import load_finished
from retain.reporting.write import write_reports, write_sequence
from retain.sequence_records import SequenceRecord


def report(run: str | Path) -> list[Path]:
    """Write ``report.md`` and ``report.html`` anew from ``record.json``, and return their paths.

    Raises:
        UserError: the folder holds no finished run.
    """
    record = load_finished(run)
    place = Path(run) if Path(run).is_dir() else Path(run).parent
    return write_sequence(record, place) if isinstance(record, SequenceRecord) else write_reports(record, place)
