"""An advice's report as markdown and for a terminal: one row for each rung, where to stop and why."""

from __future__ import annotations

from pathlib import Path

from retain.advice_records import WORDS, AdviceRecord, Rung
from retain.reporting import advice_terms as terms
from retain.reporting.advice_rows import RECIPE, RungRow, rung_rows, standing_rows, tried_rows
from retain.reporting.columns import WIDTH, page_of
from retain.reporting.markdown_table import markdown_table
from retain.reporting.text import fenced, markdown, one_line

HEADS = ("rung", "score", "95% interval", "against the rung below", "tokens a request", "training", "storage")
SPARE = ("storage", "training", "95% interval", "against the rung below")
"""Columns that a narrow terminal does without, the first one first."""


def render_advice(record: AdviceRecord) -> str:
    """The report as markdown; foreign text is escaped."""
    sections = [
        f"# Advice on {markdown(record.title)}",
        _advised(record),
        f"![Scores of the rungs](advice.svg)\n\n{terms.FIGURE}",
        f"## Rungs\n\n{terms.rungs(record)}\n\n{_rungs(record)}",
        f"## Enough or not\n\n{terms.STANDINGS}\n\n{_standings(record)}",
        _nature(record),
        f"## What was tried\n\n{terms.TRIED}\n\n{_tried(record)}",
        _requests(record),
        _notes(record),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def summary(record: AdviceRecord, folder: Path, width: int = WIDTH) -> str:
    """What a terminal shows at the end: the table, where to stop and why, and what the task lacks.

    Lines have at most ``width`` columns, between 60 and 100, but for the command and the path at the end.
    """
    page = page_of(width)
    rows = [[row.word + " *" * row.advised, *_cells(row)] for row in rung_rows(record)]
    lines = page.table([HEADS, *rows], SPARE)
    lines += page.wrapped(f"* {terms.headline(record)}: {one_line(record.advised.reason, 400)}.", rest="  ")
    lines += page.wrapped(one_line(record.nature.statement, 400))
    for one in record.nature.evidence:
        lines += page.wrapped(one_line(one, 400), "  - ", "    ")
    lines += [f"Train: retain run {folder / RECIPE}"] if record.recommended_recipe else []
    return "\n".join([*lines, f"Report: {folder / 'advice.html'}"])


def _cells(row: RungRow) -> list[str]:
    against = f"{row.against} ({row.against_interval})" if row.against else ""
    return [row.score, row.interval, against, row.tokens, row.training, row.storage]


def _advised(record: AdviceRecord) -> str:
    lines = [f"**{terms.headline(record)}.** {markdown(record.advised.reason, 1000)}."]
    lines += [f"The recipe to train with: {RECIPE}."] if record.recommended_recipe else []
    return "\n\n".join([*lines, f"**{markdown(record.nature.statement, 1000)}**"])


def _rungs(record: AdviceRecord) -> str:
    rows = [[f"**{row.word}**" if row.advised else row.word, *_cells(row)] for row in rung_rows(record)]
    return markdown_table(HEADS, rows)


def _standings(record: AdviceRecord) -> str:
    heads = [
        "rung",
        "best above",
        "loss",
        "against all at most (95%)",
        "within the margin",
        "items that would prove it",
    ]
    rows = [[row.rung, row.best, row.loss, row.most, row.within, row.needed] for row in standing_rows(record)]
    return markdown_table(heads, rows)


def _nature(record: AdviceRecord) -> str:
    lines = [f"- {markdown(one, 1000)}" for one in record.nature.evidence]
    return "\n".join(["## Knowledge or behaviour\n", *lines])


def _tried(record: AdviceRecord) -> str:
    rows = [
        [row.rung, f"**{markdown(row.label)}**" if row.chosen else markdown(row.label), row.value, row.tokens]
        for row in tried_rows(record)
    ]
    return markdown_table(["rung", "way", "dev items", "tokens a request"], rows)


def _requests(record: AdviceRecord) -> str:
    parts = [_request(rung) for rung in record.rungs]
    return "\n\n".join(["## What a request looks like", *parts])


def _request(rung: Rung) -> str:
    source = f"Searched: {markdown(rung.source)}.\n\n" if rung.source else ""
    return f"### {WORDS[rung.name]}: {markdown(rung.chosen)}\n\n{source}{fenced(rung.example, most=4000)}"


def _notes(record: AdviceRecord) -> str:
    lines = [f"- {markdown(f'{WORDS[rung.name]}: {note}')}" for rung in record.rungs for note in rung.notes]
    lines += [f"- {markdown(one)}" for one in terms.left_out(record)]
    return "\n".join(["## Notes\n", *lines]) if lines else ""
