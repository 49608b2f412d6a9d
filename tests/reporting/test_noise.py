"""The noise floor in reports."""

from retain.records import Comparison, NoiseFloor
from retain.reporting.html import render_html
from retain.reporting.markdown import render_markdown
from retain.reporting.noise import SAME_WEIGHTS, floor_text, noise_block, noise_lines
from retain.reporting.summary import render_summary

from .makers import make_change, make_record


def make_floor(**values):
    defaults = {
        "probe": "facts",
        "capability": "facts",
        "unit": "points",
        "null_change": "smaller batches",
        "items": 351,
        "effective_items": 351.0,
        "changed": 4,
        "moved": 1.14,
        "low": 0.3,
        "high": 2.9,
        "most": 2.6,
        "shift": -0.57,
        "model": "abc123",
    }
    return NoiseFloor(**{**defaults, **values})


def noisy(*floors, same=False, **change):
    found = Comparison(
        base="b", tuned="t", gains=[], losses=[make_change(**change)], pooled=None, noise=floors, same_weights=same
    )
    return make_record(comparison=found)


def test_nothing_is_shown_where_no_floor_is_known():
    record = make_record()
    assert noise_block(record) is None
    assert noise_lines(record) == []
    assert "Noise floor" not in render_markdown(record) + render_html(record) + render_summary(record)


def test_the_floor_is_shown_with_its_interval_in_every_report():
    record = noisy(make_floor())
    block = noise_block(record)
    assert block.rows == [["facts", "smaller batches", "351", "4", "1.1", "0.3 to 2.9", "-0.6", "yes"]]
    assert "| facts | smaller batches | 351 | 4 | 1.1 | 0.3 to 2.9 |" in render_markdown(record).replace("\\", "")
    assert "smaller batches" in render_html(record)
    assert "4 of 351 items changed, moved 1.1 points" in render_summary(record).replace("\n    ", " ")


def test_a_loss_that_is_not_clear_of_the_floor_is_marked():
    assert noise_block(noisy(make_floor(moved=12.0, most=15.0))).rows[0][-1] == "no"
    assert noise_block(noisy(make_floor(probe="other"))).rows[0][-1] == "not compared"


def test_one_model_with_itself_says_so():
    record = noisy(make_floor(), same=True)
    assert SAME_WEIGHTS in render_markdown(record).replace("\\", "")
    assert "same weights" in render_html(record)
    assert noise_lines(record)[0] == SAME_WEIGHTS
    assert "Loss clear of it" not in noise_block(record).columns


def test_percent_has_its_unit_and_more_digits():
    floor = make_floor(unit="percent", moved=0.0123, low=0.01, high=0.015, shift=0.002)
    assert noise_block(noisy(floor)).rows[0][4:7] == ["0.012%", "0.010% to 0.015%", "+0.002%"]
    assert "moved 0.012 percent" in floor_text(floor)


def test_foreign_text_is_escaped():
    assert "<b>" not in render_html(noisy(make_floor(capability="<b>x</b>"))).split("<body>")[1].split("noise-title")[2]
