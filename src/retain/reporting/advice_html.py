"""An advice's report as one self-contained HTML file."""

from __future__ import annotations

from retain.advice_records import WORDS, AdviceRecord
from retain.reporting import advice_terms as terms
from retain.reporting.advice_chart import advice_figure
from retain.reporting.advice_rows import RECIPE, rung_rows, standing_rows, tried_rows
from retain.reporting.drawing import Tone
from retain.reporting.facts import as_yaml, blocks, provenance_blocks
from retain.reporting.page import both_widths, render_page

BANNER: dict[str, Tone] = {"proven": "good", "estimated": "open", "last": "good", "nothing": "bad"}


def render_advice_html(record: AdviceRecord) -> str:
    """The whole report as one page: offline, light and dark, on a phone, printed and without JavaScript."""
    return render_page(
        "advice",
        record=record,
        words=WORDS,
        tone=BANNER[record.advised.basis],
        terms=terms,
        command=f"retain run {RECIPE}" if record.recommended_recipe else "",
        figure=both_widths(lambda width: advice_figure(record, width)),
        rungs=rung_rows(record),
        standings=standing_rows(record),
        tried=tried_rows(record),
        left_out=terms.left_out(record),
        data=blocks(record.data, "Data"),
        provenance=provenance_blocks(record.provenance),
        recipe=as_yaml(record.recipe),
    )
