"""The short text that ends ``retain compare`` of several models in the terminal."""

from __future__ import annotations

from pathlib import Path

from retain.reporting.columns import WIDTH, page_of
from retain.reporting.runs import Run
from retain.reporting.terms import UNITS
from retain.reporting.text import one_line
from retain.several_records import SeveralRecord

SPARE = ("symptoms", "95% interval", "greatest fall", "not proven")
"""Columns that a narrow table does without, the first one first; the verdict and what it is about stay."""


def render_several(record: SeveralRecord, runs: list[Run], report: Path | str | None = None, width: int = WIDTH) -> str:
    """The worst verdict, a row for each model, why each came out so, what to know and where the report lies.

    Plain text without colour or markup, in at most ``width`` columns.

    Args:
        record: what was found.
        runs: the same models as rows, in the record's order.
        report: where the page lies.
        width: columns of the terminal, between 60 and 100.
    """
    page = page_of(width)
    base = one_line(record.base, 60)
    parts = [
        "\n".join(page.wrapped(f"{record.outcome.upper()}   the worst verdict of {len(runs)} models against {base}"))
    ]
    head = ["model", "gain", "mean change", "95% interval", "greatest fall", "not proven", "symptoms", "verdict"]
    rows = [
        [
            run.name,
            run.gain.delta if run.gain else "-",
            run.mean.delta if run.mean else "-",
            run.mean.interval if run.mean else "-",
            f"{run.worst.delta} {one_line(run.worst.label, 16)}" if run.worst else "-",
            str(run.unproven),
            run.symptoms or "-",
            run.outcome,
        ]
        for run in runs
    ]
    parts.append("\n".join([*page.table([head, *rows], SPARE), *page.wrapped(UNITS)]))
    reasons = []
    for model in record.models:
        for reason in model.verdict.reasons[:2]:
            reasons += page.wrapped(f"{one_line(model.name, 40)}: {one_line(reason, 300)}", "  - ", "    ")
    parts.append("\n".join(reasons))
    parts.append(
        "\n".join(line for note in record.notes for line in page.wrapped(f"Note: {one_line(note, 700)}", "", "  "))
    )
    parts += [f"Report: {report}"] if report else []
    return "\n\n".join(part for part in parts if part) + "\n"
