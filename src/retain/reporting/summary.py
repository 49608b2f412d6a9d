"""The short text that ends a run in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from retain.data.lint.masking import masked
from retain.records import RunRecord, Symptom
from retain.reporting import symptoms, terms
from retain.reporting.alarms import alarm_lines
from retain.reporting.columns import WIDTH, Page, page_of
from retain.reporting.noise import noise_lines
from retain.reporting.numbers import plain
from retain.reporting.pairs import Pair, fallen
from retain.reporting.tables import Row, gain_rows, loss_rows, main_reasons, pooled_row, unproven
from retain.reporting.text import one_line, words

MOST_CAPABILITIES = 20
SPARE = ("95% interval", "items", "before")
"""Columns that a narrow table does without, the first one first; what is judged stays."""


def render_summary(record: RunRecord, report: Path | str | None = None, width: int = WIDTH) -> str:
    """The verdict, what was gained and lost, what is not proven, the worst example and where the report lies.

    Plain text without colour or markup, so that it reads the same in a terminal and in a log. Lines have at most
    ``width`` columns, between 60 and 100; where a table has no room its intervals and items are left to the report.
    """
    page = page_of(width)
    parts = [_verdict(record, page), _gains(record, page), _losses(record, page), _noise(record, page)]
    parts += [_symptoms(record, page), _alarms(record, page), _unproven(record, page), _example(fallen(record), page)]
    parts += [f"Report: {report}"] if report else []
    return "\n\n".join(part for part in parts if part) + "\n"


def _verdict(record: RunRecord, page: Page) -> str:
    comparison = record.comparison
    names = f"{one_line(comparison.base, 60)} -> {one_line(comparison.tuned, 60)}"
    lines = page.wrapped(f"{terms.outcome(record).upper()}   {names}")
    lines += page.wrapped(" ".join(filter(None, [terms.headline(record), terms.deciding(record)])))
    if record.verdict.gate.demonstration:
        lines += page.wrapped(terms.DEMONSTRATION)
    for reason in main_reasons(record):
        lines += page.wrapped(one_line(reason, 300), "  - ", "    ")
    return "\n".join(lines)


def _gains(record: RunRecord, page: Page) -> str:
    rows = gain_rows(record)
    if not rows:
        return "\n".join(page.wrapped(terms.not_measured(record)))
    header = ["learned on held-out items", "before", "after", "gain", "95% interval", "items", "verdict"]
    body = [[row.label, row.before, row.after, row.delta, row.interval, row.items, row.outcome] for row in rows]
    return "\n".join(page.table([header, *body], SPARE[1:]))


def _losses(record: RunRecord, page: Page) -> str:
    pooled = pooled_row(record)
    rows = loss_rows(record)
    shown = rows[:MOST_CAPABILITIES]
    if not rows and pooled is None:
        return "\n".join(page.wrapped("No capability was measured: this says nothing about forgetting."))
    header = [
        "kept or lost",
        "before",
        "after",
        "change",
        "95% interval",
        "loss at most",
        "margin",
        "items",
        "verdict",
    ]
    lines = page.table([header, *(_loss(row) for row in [*shown, *([pooled] if pooled else [])])], SPARE)
    if len(rows) > len(shown):
        lines.append(f"... and {len(rows) - len(shown)} more in the report")
    return "\n".join([*lines, *page.wrapped(terms.UNITS)])


def _loss(row: Row) -> list[str]:
    return [
        row.label,
        row.before,
        row.after,
        row.delta,
        row.interval,
        row.loss_at_most,
        row.margin,
        row.items,
        row.outcome,
    ]


def _noise(record: RunRecord, page: Page) -> str:
    lines = [line for text in noise_lines(record)[: MOST_CAPABILITIES + 1] for line in page.wrapped(text, rest="    ")]
    return "\n".join(lines)


def _symptoms(record: RunRecord, page: Page) -> str:
    found = [symptom for symptom in record.comparison.symptoms if symptom.found]
    if not found:
        return "No symptom was found." if any(one.found is False for one in record.comparison.symptoms) else ""
    lines = [line for symptom in found for line in _symptom(symptom, page)]
    return "\n".join(["Symptoms:", *lines])


def _symptom(symptom: Symptom, page: Page) -> list[str]:
    """What was seen, and the worst example."""
    lines = page.wrapped(f"{words(one_line(symptom.name, 60))}: {one_line(symptom.statement, 400)}", "  - ", "    ")
    for title, text in symptoms.sides(symptom.example):
        lines += page.wrapped(one_line(masked(text), 400), f"    {title.lower():8}  ", " " * 14)
    return lines


def _alarms(record: RunRecord, page: Page) -> str:
    lines = [line for text in alarm_lines(record) for line in page.wrapped(one_line(text, 600), "  - ", "    ")]
    return "\n".join(["Overfitting alarms:", *lines]) if lines else ""


def _unproven(record: RunRecord, page: Page) -> str:
    rows = unproven(record)
    if not rows:
        return ""
    lines = ["Not proven either way:"]
    for row in rows[:MOST_CAPABILITIES]:
        needed = f"{row.needed} items would decide (measured: {row.items})" if row.needed else f"{row.items} items"
        lines += page.wrapped(f"{one_line(row.label, 60)}: {needed}", "  - ", "    ")
    return "\n".join(lines)


def _example(pairs: Sequence[Pair], page: Page) -> str:
    if not pairs:
        return ""
    worst = pairs[0]
    score = f"score {plain(worst.base_score, 2)} to {plain(worst.tuned_score, 2)}"
    lines = page.wrapped(f"Worst example ({one_line(worst.capability, 60)}, {score}):")
    lines += page.wrapped(_answer(worst.prompt), "  prompt  ", "          ")
    lines += page.wrapped(_answer(worst.base.text), "  base    ", "          ")
    return "\n".join([*lines, *page.wrapped(_answer(worst.tuned.text), "  tuned   ", "          ")])


def _answer(text: str) -> str:
    return one_line(masked(text), 260) or "(nothing)"
