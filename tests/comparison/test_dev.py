import math

import numpy as np
import pytest
from scipy import stats

from retain.comparison.dev import allowed_errors, least_loss, passing, standard_error
from retain.records import Candidate, Gate

from .build import change, comparison

GATE = Gate(mean_margin=1.0, margin=3.0, bits_margin=2.0)


def found(*losses, mean=0.0):
    return comparison(losses, pooled=change("pooled", mean))


def test_standard_error():
    assert standard_error(change(variance=400.0, effective_items=100.0)) == 2.0
    assert math.isinf(standard_error(change(effective_items=0.0)))


def test_estimates_decide_not_bounds():
    passes, why = passing(found(change("facts", 0.5, -8, 9), mean=0.9), GATE)
    assert passes
    assert why == "passes: mean loss 0.9 points, greatest loss 0.5 (facts, facts)"


def test_the_mean_margin_is_met_by_equality():
    assert passing(found(change(), mean=1.0), GATE)[0]
    passes, why = passing(found(change(), mean=1.01), GATE)
    assert not passes
    assert "mean loss" in why


def test_one_standard_error_is_allowed_over_the_margin():
    error_two = {"variance": 400.0, "effective_items": 100.0}
    assert passing(found(change(loss=5.0, **error_two)), GATE)[0]
    passes, why = passing(found(change("ifeval", 5.1, capability="instructions", **error_two)), GATE)
    assert not passes
    assert why == "does not pass: instructions (ifeval) lost 5.1 points (margin 3, allowed over it 2.0)"


def test_the_worst_of_several_is_allowed_more():
    assert allowed_errors(1) == pytest.approx(1.0)
    assert stats.norm.cdf(allowed_errors(13)) ** 13 == pytest.approx(stats.norm.cdf(1.0))
    error_two = {"variance": 400.0, "effective_items": 100.0}
    others = [change(f"other {n}", 0.0, **error_two) for n in range(12)]
    assert passing(found(change(loss=7.3, **error_two), *others), GATE)[0]
    assert not passing(found(change(loss=7.5, **error_two), *others), GATE)[0]


def test_thirteen_unchanged_capabilities_pass_as_often_as_one():
    rng = np.random.default_rng(0)
    losses = rng.normal(GATE.margin, 6.0, (2000, 13))
    error_six = {"variance": 3600.0, "effective_items": 100.0}
    for count in (1, 13):
        passed = [passing(found(*(change(str(n), loss, **error_six) for n, loss in enumerate(row[:count]))), GATE)[0]
                  for row in losses]  # fmt: skip
        assert np.mean(passed) == pytest.approx(stats.norm.cdf(1.0), abs=0.025)


def test_all_failures_are_named():
    big = {"variance": 1.0, "effective_items": 100.0}
    _, why = passing(found(change("a", 9.0, **big), change("b", 8.0, **big), mean=5), GATE)
    assert why.count(";") >= 2
    assert "a (a)" in why
    assert "b (b)" in why


def test_bits_use_their_margin():
    text = change("text", 2.5, unit="percent", variance=1.0, effective_items=100.0)
    passes, why = passing(found(text), GATE)
    assert not passes
    assert "%" in why
    assert passing(found(text), Gate(bits_margin=3.0))[0]


def test_near_chance_does_not_count():
    passes, why = passing(comparison([change(loss=50.0, near_chance=True)]), GATE)
    assert passes
    assert "no capability" in why


def test_without_a_pooled_loss_the_capabilities_decide():
    text = change("text", 1.0, unit="percent", variance=1.0, effective_items=100.0)
    passes, why = passing(comparison([text]), GATE)
    assert passes
    assert "mean loss" not in why


def test_a_gain_passes():
    passes, why = passing(found(change(loss=-4.0), mean=-4.0), GATE)
    assert passes
    assert "-4.0" in why


def test_an_unknown_estimate_does_not_pass():
    assert not passing(found(change(loss=math.nan)), GATE)[0]


@pytest.mark.parametrize("margin", [0.0, 10.0])
def test_the_margin_is_the_gates(margin):
    assert passing(found(change(loss=5.0, variance=1.0)), Gate(margin=margin))[0] == (margin == 10.0)


def tried(value, gain, mean, worst=None):
    return Candidate(
        label=f"{value:g}", value=value, gain=gain, mean_loss=mean, worst="x", worst_loss=worst, passing=False
    )


@pytest.mark.parametrize(
    ("candidates", "value", "why"),
    [
        ([tried(1, 5, 3.0), tried(2, 9, 1.0)], 2, "the one with the smallest mean loss was taken"),
        ([tried(1, 5, 1.0), tried(2, 9, 1.0), tried(3, 9, 1.0)], 2, "the one with the smallest mean loss was taken"),
        ([tried(1, 5, 3.0), tried(2, None, None)], 1, "the one with the smallest mean loss was taken"),
        ([tried(1, 5, None, 3), tried(2, 9, None, 2)], 2, "the one whose worst capability lost least was taken"),
        ([tried(2, 9, None), tried(1, 5, None)], 1, "no loss is known, and the smallest was taken"),
    ],
)
def test_what_loses_least_is_never_what_was_not_measured(candidates, value, why):
    taken, said = least_loss(candidates)
    assert (taken.value, said) == (value, why)
