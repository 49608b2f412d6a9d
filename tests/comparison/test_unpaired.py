"""The paired comparison finds drops that an unpaired z-test on two accuracies misses (lm-evaluation-harness#3831)."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from retain.comparison.compare import compare
from retain.record_files import read_record
from retain.records import RunRecord

from .build import table

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def unpaired_p(before, after):
    """Two accuracies with their standard errors, as if each model had answered its own items."""
    before, after = (np.array(list(one.scores.values())) for one in (before, after))
    error = math.hypot(*(scores.std(ddof=1) / scores.size**0.5 for scores in (before, after)))
    return 2 * stats.norm.sf(abs(before.mean() - after.mean()) / error)


def test_a_drop_of_five_points_in_220_items():
    before, after = table(lost=14, won=3, both=150, neither=53)
    found = compare([before], [after]).losses[0]
    assert unpaired_p(before, after) > 0.2
    assert found.high < -1
    assert 2 * found.p_loss < 0.01


@pytest.mark.parametrize(
    ("run", "before", "after", "probe"),
    [("banking77", "kl", "plain", "piqa"), ("quickstart", "kl", "plain", "commonsense")],
)
def test_drops_in_committed_runs(run, before, after, probe):
    old, new = (read_record(BENCHMARKS / run / "results" / f"{arm}.json", RunRecord) for arm in (before, after))
    first, second = (next(one for one in record.after if one.probe == probe) for record in (old, new))
    found = compare([first], [second]).losses[0]
    assert unpaired_p(first, second) > 0.1
    assert found.high < 0


def test_the_committed_table_agrees():
    found = json.loads((BENCHMARKS / "statistics" / "unpaired.json").read_text())
    assert found["example"]["unpaired_p"] == pytest.approx(unpaired_p(*table(14, 3, 150, 53)))
    assert found["real_counts"]["paired"] > found["real_counts"]["unpaired"]
    assert all(row["paired"] > row["unpaired"] for row in found["power"] if row["loss"] > 0)
