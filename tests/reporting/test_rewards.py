"""The section on preference pairs."""

from __future__ import annotations

from retain.records import Comparison, Gate, Rewards, RunRecord, Verdict
from retain.reporting.html import render_html
from retain.reporting.markdown import render_markdown
from retain.reporting.rewards import REWARDS, rewards_block


def record(rewards: list[Rewards]) -> RunRecord:
    comparison = Comparison(base="base", tuned="tuned", gains=[], losses=[], pooled=None, rewards=rewards)
    verdict = Verdict(outcome="retained", reasons=[], items_needed=None, gate=Gate(), probes=[], gain="not measured")
    return RunRecord(title="a run", before=[], after=[], comparison=comparison, verdict=verdict)


MOVED = Rewards(
    probe="task", capability="ta<b>sk", pairs=150, accuracy=0.64, accuracy_low=0.56, accuracy_high=0.72,
    margin=1.234, margin_low=-0.5, margin_high=2.0, chosen=-3.0, rejected=-4.234,
)  # fmt: skip


def test_without_pairs_there_is_no_section():
    assert rewards_block(record([])) is None
    assert REWARDS[:30] not in render_markdown(record([])) and REWARDS[:30] not in render_html(record([]))


def test_every_report_shows_how_far_a_model_moved():
    block = rewards_block(record([MOVED]))
    assert block is not None
    assert block.rows[0][1:] == ["150", "64.0%", "56.0 to 72.0%", "+1.23", "-0.50 to +2.00", "-3.00", "-4.23"]
    assert "Preferences against the base" in render_markdown(record([MOVED]))
    page = render_html(record([MOVED]))
    assert "Preferences against the base" in page and "ta<b>sk" not in page
