from __future__ import annotations

import math

import numpy as np
import pytest

from retain.ranking.calibration import BINS, calibration


def logit(share: float) -> float:
    return math.log(share / (1 - share))


def drawn(count: int, shift: float = 0.0):
    """Pairs whose probabilities hold, but for a shift of their logits."""
    rng = np.random.default_rng(1)
    logits = rng.normal(size=count)
    relevant = rng.random(count) < 1 / (1 + np.exp(-logits))
    return calibration((logits + shift).tolist(), relevant.tolist(), [place // 20 for place in range(count)])


def test_probabilities_that_hold_have_next_to_no_error_and_shifted_ones_have():
    good, bad = drawn(20_000), drawn(20_000, shift=2)
    assert good.error < 0.02
    assert bad.error > 0.2
    assert good.brier < bad.brier
    assert good.error_low <= bad.error_low <= bad.error <= bad.error_high


def test_numbers_by_hand():
    found = calibration([logit(0.8)] * 5 + [logit(0.1)] * 5, [True, True, False, False, False] + [False] * 5, [0] * 10)
    assert [(one.pairs, round(one.predicted, 6), one.relevant) for one in found.bins] == [(5, 0.1, 0.0), (5, 0.8, 0.4)]
    assert found.error == pytest.approx((5 * 0.1 + 5 * 0.4) / 10)
    assert found.brier == pytest.approx((5 * 0.01 + 2 * 0.04 + 3 * 0.64) / 10)
    assert found.relevant == pytest.approx(0.2)


def test_bins_hold_equally_many_pairs():
    found = calibration([place / 10 for place in range(-50, 50)], [True] * 100, [0] * 100)
    assert [one.pairs for one in found.bins] == [10] * BINS


def test_extreme_scores_are_no_error_and_nothing_is_none():
    assert calibration([1000.0, -1000.0], [True, False], [0, 1]).error == pytest.approx(0)
    assert calibration([], [], []) is None
