"""``retain report``: renders a finished run again."""

from __future__ import annotations

from pathlib import Path

from retain.commands.gate import load_run
from retain.reporting.write import write_reports


def report(run: str | Path) -> list[Path]:
    """Write ``report.md`` and ``report.html`` anew from ``record.json``, and return their paths.

    Raises:
        UserError: the folder holds no finished run.
    """
    record = load_run(run)
    place = Path(run)
    return write_reports(record, place if place.is_dir() else place.parent)
