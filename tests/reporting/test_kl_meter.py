"""The KL meter in reports."""

from retain.records import KlReading
from retain.reporting.html import render_html
from retain.reporting.kl_meter import LOWER_BOUND, METER, kl_block, kl_intro
from retain.reporting.markdown import render_markdown

from .makers import make_record


def reading(**values):
    defaults = {
        "where": "general",
        "name": "own",
        "rows": 80,
        "tokens": 5120,
        "mean": 0.0512,
        "mean_low": 0.04,
        "mean_high": 0.06,
        "percentile_95": 0.31,
        "percentile_95_low": 0.25,
        "percentile_95_high": 0.4,
        "agreement": 0.913,
        "agreement_low": 0.9,
        "agreement_high": 0.925,
        "top_k": None,
    }
    return KlReading(**{**defaults, **values})


def test_nothing_is_shown_where_it_was_not_read():
    record = make_record()
    assert kl_block(record) is None
    assert "KL meter" not in render_markdown(record) + render_html(record)


def test_every_report_shows_it_with_what_it_is_not():
    record = make_record(kl=[reading(), reading(where="task", name="task", mean_low=None, mean_high=None)])
    block = kl_block(record)
    assert block.rows[0][:4] == ["general: own", "80", "5,120", "0.0512 [0.0400 to 0.0600]"]
    assert block.rows[0][5:] == ["91.3% [90.0 to 92.5]", "the whole vocabulary"]
    assert block.rows[1][0] == "task" and block.rows[1][3] == "0.0512"
    for report in (render_markdown(record).replace("\\", ""), render_html(record)):
        assert "never the claim" in report and "0.0512" in report


def test_a_lower_bound_is_called_one():
    assert kl_intro(make_record(kl=[reading()])) == METER
    record = make_record(kl=[reading(), reading(top_k=256)])
    assert kl_intro(record).endswith(LOWER_BOUND)
    assert kl_block(record).rows[1][6] == "top 256 tokens"
