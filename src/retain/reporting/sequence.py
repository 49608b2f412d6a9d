"""A sequence's report as markdown and for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from retain.cells import cut_to
from retain.reporting import sequence_terms as terms
from retain.reporting.columns import WIDTH, page_of
from retain.reporting.markdown_table import markdown_table
from retain.reporting.sequence_rows import (
    GAIN_HEADS,
    STAGE_HEADS,
    Cell,
    capability_heads,
    capability_rows,
    forgetting_rows,
    gain_rows,
    kept_rows,
    matrix_rows,
    numbers,
    stage_notes,
    stage_rows,
)
from retain.reporting.text import markdown, one_line
from retain.sequence_records import SequenceRecord

LEAST_NAME = 5
"""Cells of a task's name at the head of a column, and of the numbers below it."""


def render_sequence(record: SequenceRecord) -> str:
    """The report as markdown; foreign text is escaped."""
    sections = [
        f"# Sequence {markdown(record.title)}",
        _verdict(record),
        f"## Every task after every stage\n\n{terms.MATRIX}\n\n{matrix_table(record)}",
        f"## Numbers\n\n{_table(['', 'points', '95% interval', 'what it is'], _numbers(record))}",
        f"## What was learned\n\n{_table(GAIN_HEADS, gain_rows(record))}",
        _kept(record),
        _forgetting(record),
        _capabilities(record),
        f"## Stages\n\n{terms.STAGES}\n\n{_table(STAGE_HEADS, stage_rows(record))}",
        _notes(record),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def sequence_summary(record: SequenceRecord, folder: Path, width: int = WIDTH) -> str:
    """What a terminal shows at the end.

    Lines have at most ``width`` columns, between 60 and 100, but for the paths at the end; the names of many tasks are
    cut.
    """
    page = page_of(width)
    room = max(LEAST_NAME, page.width // (len(record.tasks) + 1) - 2)
    heads = ["after", *(cut_to(one_line(task.name, 20), room) for task in record.tasks)]
    rows = [[one_line(row.name, 20), *(cell.value for cell in row.cells)] for row in matrix_rows(record)]
    lines = page.wrapped(f"{record.verdict.outcome.upper()}   {terms.headline(record)}")
    for reason in record.verdict.reasons:
        lines += page.wrapped(one_line(reason, 300), "  - ", "    ")
    lines += ["", *page.table([heads, *rows]), ""]
    for one in numbers(record):
        lines += page.wrapped(f"{one.name} {one.value} ({one.range}): {one.note}", rest="  ")
    return "\n".join([*lines, f"The model: {folder / record.output}", f"Report: {folder / 'report.html'}"])


def _verdict(record: SequenceRecord) -> str:
    reasons = "\n".join(f"- {markdown(reason)}" for reason in record.verdict.reasons)
    outcome = record.verdict.outcome + (" (demonstration only)" if record.verdict.gate.demonstration else "")
    return f"**Verdict: {outcome}.** {terms.headline(record)}\n\n{reasons}".rstrip()


def matrix_table(record: SequenceRecord) -> str:
    """The matrix as a Markdown table; a task's own row is bold."""
    heads = ["after", *(markdown(task.name) for task in record.tasks)]
    return markdown_table(heads, [[markdown(row.name), *map(_cell, row.cells)] for row in matrix_rows(record)])


def _cell(cell: Cell) -> str:
    value = f"**{cell.value}**" if cell.own else cell.value
    more = ", ".join(part for part in (cell.change, cell.outcome) if part)
    return f"{value} ({more})" if more else value


def _numbers(record: SequenceRecord) -> list[list[str]]:
    return [[one.name, one.value, one.range, one.note] for one in numbers(record)]


def _kept(record: SequenceRecord) -> str:
    rows = [
        [one.name, one.kind, one.before, one.after, one.delta, one.interval, one.loss_at_most, one.margin, one.outcome]
        for one in kept_rows(record)
    ]
    heads = ["", "is a", "before", "at the end", "change", "95% interval", "loss at most", "margin", "verdict"]
    return f"## What was kept\n\n{terms.JUDGED}\n\n{_table(heads, rows)}" if rows else ""


def _forgetting(record: SequenceRecord) -> str:
    rows = forgetting_rows(record)
    heads = ["task", "forgetting", "95% interval", "best after"]
    return f"## Forgetting by task\n\n{terms.FORGETTING}\n\n{_table(heads, rows)}" if rows else ""


def _capabilities(record: SequenceRecord) -> str:
    rows = capability_rows(record)
    heads = capability_heads(record)
    return f"## Capabilities\n\n{terms.CAPABILITIES}\n\n{_table(heads, rows)}" if rows else ""


def _notes(record: SequenceRecord) -> str:
    lines = [f"- {markdown(name)}: {markdown(note)}" for name, note in stage_notes(record)]
    lines += [f"- {markdown(note)}" for note in record.notes]
    return "\n".join(["## Notes\n", *lines]) if lines else ""


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return markdown_table([markdown(head) for head in heads], [[markdown(cell) for cell in row] for row in rows])
