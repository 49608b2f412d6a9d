"""The table of the committed frontier."""

from __future__ import annotations

from pathlib import Path

from retain.frontier_records import FrontierRecord
from retain.record_files import read_record
from retain.reporting.frontier import arms_of_frontier

RESULTS = Path(__file__).parent / "results"


def frontier_table() -> str:
    """The arms of the quickstart's frontier."""
    record = read_record(RESULTS / "quickstart.json", FrontierRecord)
    return arms_of_frontier(record)


TABLES = {
    "quickstart frontier table": frontier_table,
}
