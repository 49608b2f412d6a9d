"""Levels, their errors and their differences against what is known of them."""

import math

import numpy as np
import pytest

from retain.training.alarms.levels import Level, RowLosses, line_level, mean_level, rows_level, step_level


def test_a_mean_has_the_usual_standard_error():
    level = mean_level([1.0, 2.0, 3.0, 4.0, 6.0], [1] * 5)
    values = np.array([1.0, 2.0, 3.0, 4.0, 6.0])
    assert level.value == values.mean() and level.freedom == 4
    assert level.error == pytest.approx(values.std(ddof=1) / math.sqrt(5))
    assert mean_level([1.0] * 4, [1] * 4) is None
    assert mean_level([1.0, 2.0, 2.0, 2.0, 2.0], [3, 1, 1, 1, 1]).value == pytest.approx(11 / 7)


def test_a_line_is_prolonged_exactly_and_its_error_is_right():
    places = np.linspace(-1, -0.05, 20)
    assert line_level(places, 2 - 3 * places, np.ones(20)).value == pytest.approx(2)
    rng = np.random.default_rng(0)
    found = [line_level(places, 2 - 3 * places + rng.normal(0, 0.5, 20), np.ones(20)) for _ in range(2000)]
    assert np.std([one.value for one in found]) == pytest.approx(np.mean([one.error for one in found]), rel=0.06)


def test_a_step_on_a_bent_curve_is_measured_and_a_bend_alone_is_none():
    places = np.linspace(-0.75, 1, 70)
    bent = 1 - places + 0.8 * places**2 - 0.3 * places**3
    before, step = step_level(places, bent - 0.4 * (places > 0), np.ones(70))
    assert (before.value, step.value) == pytest.approx((1.0, 0.4))
    assert step_level(places, bent, np.ones(70))[1].value == pytest.approx(0, abs=1e-9)
    rng = np.random.default_rng(1)
    steps = [step_level(places, bent + rng.normal(0, 0.3, 70), np.ones(70))[1] for _ in range(2000)]
    assert np.mean([one.above_zero(0.05) for one in steps]) == pytest.approx(0.05, abs=0.015)
    assert step_level(places[places > -0.1], bent[places > -0.1], np.ones((places > -0.1).sum())) is None


def test_differences_add_errors_in_squares_and_are_called_clear_as_seldom_as_they_say():
    gap = Level(1.0, 0.3, 10) - Level(0.4, 0.4, 20)
    assert (gap.value, gap.error) == pytest.approx((0.6, 0.5)) and 10 < gap.freedom < 30
    rng = np.random.default_rng(2)

    def drawn():
        return mean_level(rng.normal(1, 1, 8), np.ones(8)) - mean_level(rng.normal(1, 3, 12), np.ones(12))

    assert np.mean([drawn().above_zero(0.05) for _ in range(3000)]) == pytest.approx(0.05, abs=0.012)
    assert Level(0.1, 0.0, 5).above_zero() and not Level(0.0, 0.0, 5).above_zero()
    assert not Level(-1.0, 0.1, 5).above_zero()


def test_rows_count_by_their_tokens_and_a_change_row_by_row():
    rng = np.random.default_rng(3)
    tokens = rng.integers(2, 60, 200)
    hard = np.exp(rng.normal(0, 1, 200))
    early, late = RowLosses(tuple(2 * hard * tokens), tuple(tokens)), RowLosses(tuple(hard * tokens), tuple(tokens))
    assert early.level.value == pytest.approx(float((2 * hard * tokens).sum() / tokens.sum()))
    change = late.change_since(early)
    assert change.value == pytest.approx(late.level.value - early.level.value)
    assert change.error < (late.level - early.level).error / 2, "what makes rows differ falls out"
    draws = [rows_level(rng.normal(1.5, 0.5, 40) * size, size) for size in rng.integers(2, 60, (2000, 40))]
    assert np.std([one.value for one in draws]) == pytest.approx(np.mean([one.error for one in draws]), rel=0.05)
