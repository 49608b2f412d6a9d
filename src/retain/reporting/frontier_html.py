"""A frontier's report as one self-contained HTML file; the figure answers to mouse, finger and keyboard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from retain.frontier_records import FrontierRecord, frontier_exit
from retain.reporting import frontier_terms as terms
from retain.reporting.facts import Block, as_yaml, provenance_blocks
from retain.reporting.frontier_figures import factor_figure, factor_levels, frontier_figure
from retain.reporting.frontier_rows import RECIPE, arm_rows, left_out, replaced, strength_rows, tiles
from retain.reporting.page import both_widths, render_page

TONE_OF_EXIT = {0: "good", 3: "open"}
"""Of the verdict on test items; everything else is bad."""


def render_frontier_html(record: FrontierRecord, reports: Mapping[str, str] | None = None) -> str:
    """The whole report as one page: offline, light and dark, on a phone, printed and without JavaScript.

    Args:
        record: of the frontier.
        reports: folder of an arm -> address of its own report, relative to this one; arms without one have no link.
    """
    factor, levels = factor_levels(record)
    arms = arm_rows(record)
    changes = [list(row) for row in replaced(record)]
    return render_page(
        "frontier",
        record=record,
        taken=record.recommended,
        tone=_tone(record),
        demonstration=_demonstration(record),
        outcomes=list(dict.fromkeys(row.outcome for row in arms if row.recommended)),
        command=f"retain run {RECIPE}",
        terms=terms,
        tiles=tiles(record),
        figure=both_widths(lambda width: frontier_figure(record, width)),
        factor=factor,
        factor_figure=both_widths(lambda width: factor_figure(record, width)),
        factor_text=terms.factor(numeric=all(one.value is not None for one in levels)),
        several_seeds=len({arm.seed for arm in record.arms}) > 1,
        arms=arms,
        reports=dict(reports or {}),
        strengths=strength_rows(record),
        left_out=left_out(record),
        changes=Block("", columns=["arm", "setting", "value"], rows=changes) if changes else None,
        **_origin(record),
    )


def _tone(record: FrontierRecord) -> str:
    """The banner's colour; a demonstration is never green."""
    tone = TONE_OF_EXIT.get(frontier_exit(record), "bad")
    return "open" if tone == "good" and _demonstration(record) else tone


def _demonstration(record: FrontierRecord) -> bool:
    return bool(record.recipe["gate"].get("demonstration"))


def _origin(record: FrontierRecord) -> dict[str, Any]:
    return {
        "provenance": provenance_blocks(record.provenance),
        "recipe": as_yaml(record.recipe) if record.recipe else "",
    }
