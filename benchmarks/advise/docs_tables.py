"""The tables of the advices."""

from __future__ import annotations

from pathlib import Path

from cells import NOT_RUN, head, line

from retain.advice_records import AdviceRecord
from retain.record_files import read_record
from retain.reporting.advice_rows import rung_rows

RESULTS = Path(__file__).parent / "results"
ADVISED_TASKS = ("banking77", "facts", "relations")


def advise_table() -> str:
    """One row for each task and rung; the rung to stop at is bold."""
    lines = head(
        "task", "rung", "score", "95% interval", "against the rung below", "tokens a request", "training", "storage"
    )
    for task in ADVISED_TASKS:
        path = RESULTS / f"{task}.json"
        if not path.is_file():
            lines.append(f"| {task} | not run yet | | | | | | |")
            continue
        for row in rung_rows(read_record(path, AdviceRecord)):
            against = f"{row.against} ({row.against_interval})" if row.against else ""
            cells = [task, f"**{row.word}**" if row.advised else row.word, row.score, row.interval, against]
            lines.append(line([*cells, row.tokens, row.training, row.storage]))
    return "\n".join(lines)


def advise_reasons() -> str:
    """For each task where to stop and why, and what it lacks."""
    lines = []
    for task in ADVISED_TASKS:
        path = RESULTS / f"{task}.json"
        if path.is_file():
            record = read_record(path, AdviceRecord)
            lines.append(f"- **{task}**: {record.advised.reason}. {record.nature.statement}")
    return "\n".join(lines) or NOT_RUN


TABLES = {
    "advise table": advise_table,
    "advise reasons": advise_reasons,
}
