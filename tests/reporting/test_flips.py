"""Flips beyond guessing in reports."""

from retain.records import Comparison
from retain.reporting.flips import guessing_block
from retain.reporting.html import render_html
from retain.reporting.markdown import render_markdown

from .makers import make_change, make_record


def record_of(*changes):
    return make_record(comparison=Comparison(base="b", tuned="t", gains=[], losses=list(changes), pooled=None))


def test_probes_without_choices_have_no_row():
    assert guessing_block(record_of(make_change())) is None
    assert "beyond guessing" not in render_markdown(record_of(make_change()))


def test_both_counts_are_shown():
    quiz = make_change("quiz", items=200, lost=30, won=20, lost_beyond_guessing=13.4, won_beyond_guessing=0.0)
    record = record_of(make_change(), quiz)
    assert guessing_block(record).rows == [
        ["quiz", "quiz", "200", "30 (15.0%)", "20 (10.0%)", "13 (6.7%)", "0 (0.0%)"],
    ]
    assert "| quiz | quiz | 200 | 30 (15.0%) |" in render_markdown(record)
    assert "Flips beyond guessing" in render_html(record)
