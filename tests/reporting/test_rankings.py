"""Rerankers in reports: other measures and calibration."""

from retain.records import Calibration
from retain.reporting.html import render_html
from retain.reporting.markdown import render_markdown
from retain.reporting.measured import ways
from retain.reporting.rankings import CALIBRATION, MEASURES, calibration_block, measures_block

from .makers import make_change, make_measurement, make_record


def calibrated(error, **values):
    return Calibration(
        pairs=1500, relevant=0.08, error=error, error_low=error - 0.01, error_high=error + 0.01, brier=0.07, **values
    )


def ranking_record():
    record = make_record()
    sides = [[make_measurement(calibration=calibrated(error), generates=False)] for error in (0.05, 0.3)]
    also = [
        make_change(metric="MRR@10", capability="<b>legal</b>", before=60.04, after=61.0, delta=0.96, low=-1, high=3)
    ]
    comparison = record.comparison.model_copy(update={"also": also})
    return record.model_copy(update={"before": sides[0], "after": sides[1], "comparison": comparison})


def test_nothing_is_shown_for_language_models():
    record = make_record()
    assert measures_block(record) is None and calibration_block(record) is None
    text = render_markdown(record) + render_html(record)
    assert "Other measures" not in text and "Calibration" not in text


def test_every_report_shows_other_measures_and_calibration():
    record = ranking_record()
    assert measures_block(record).rows[0][1:6] == ["MRR@10", "60.0", "61.0", "+1.0", "-1.0 to +3.0"]
    row = calibration_block(record).rows[0]
    assert row[1:] == ["1,500", "8.0%", "0.050 [0.040 to 0.060]", "0.300 [0.290 to 0.310]", "0.070", "0.070"]
    text, page = render_markdown(record), render_html(record)
    for part in (MEASURES, "MRR@10"):
        assert part in text and part in page
    assert CALIBRATION in text and "0.300 [" in page and r"0\.300 \[" in text
    assert "<b>legal</b>" not in page
    assert ways(record)[0].kind == "ranking"


def test_one_side_without_calibration_is_no_row():
    record = ranking_record()
    assert calibration_block(record.model_copy(update={"after": [make_measurement()]})) is None
