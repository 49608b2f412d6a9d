"""A sequence's report as one self-contained HTML file; no foreign text is ever markup."""

from __future__ import annotations

from collections.abc import Mapping

from retain.reporting import sequence_terms as terms
from retain.reporting.facts import Block, as_yaml, blocks, provenance_blocks
from retain.reporting.page import both_widths, render_page
from retain.reporting.sequence_chart import capabilities_figure, tasks_figure
from retain.reporting.sequence_rows import (
    GAIN_HEADS,
    STAGE_HEADS,
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
from retain.reporting.tables import TONES
from retain.sequence_records import SequenceRecord


def render_sequence_html(record: SequenceRecord, reports: Mapping[str, str] | None = None) -> str:
    """The whole report as one page: offline, light and dark, on a phone, printed and without JavaScript.

    Args:
        record: of the sequence.
        reports: name of a stage -> address of its own report, relative to this one; stages without one have no link.
    """
    demonstration = record.verdict.gate.demonstration
    tone = TONES[record.verdict.outcome]
    forgotten = Block("", columns=["task", "forgetting", "95% interval", "best after"], rows=forgetting_rows(record))
    return render_page(
        "sequence",
        record=record,
        tone="open" if demonstration and tone == "good" else tone,
        demonstration=demonstration,
        headline=terms.headline(record),
        terms=terms,
        numbers=numbers(record),
        matrix=matrix_rows(record),
        figure=both_widths(lambda width: tasks_figure(record, width)),
        gains=Block("", columns=GAIN_HEADS, rows=gain_rows(record)),
        kept=kept_rows(record),
        forgetting=forgotten if record.forgetting else None,
        capabilities=Block("", columns=capability_heads(record), rows=capability_rows(record))
        if record.capabilities
        else None,
        capabilities_figure=both_widths(lambda width: capabilities_figure(record, width)),
        stages=Block("", columns=STAGE_HEADS, rows=stage_rows(record)),
        reports=dict(reports or {}),
        notes=stage_notes(record),
        provenance=provenance_blocks(record.provenance),
        data=blocks(record.data),
        recipe=as_yaml(record.recipe),
    )
