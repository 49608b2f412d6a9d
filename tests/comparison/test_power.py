import math

import numpy as np
import pytest

from retain.comparison.intervals import ONE_SIDED, critical_value, flip_upper
from retain.comparison.power import (
    FACTOR,
    detectable,
    items_needed,
    items_needed_for_flips,
    items_to_decide,
    planning_variance,
    smallest_detectable,
)
from retain.errors import UserError

from .build import change


@pytest.mark.parametrize(("psi", "margin", "items"), [(0.05, 3, 344), (0.05, 1, 3092), (0.10, 3, 687), (0.10, 1, 6183)])
def test_the_numbers_of_the_specification(psi, margin, items):
    assert items_needed(psi * 100**2, margin) == items
    assert items_needed(psi, margin / 100) == items


def test_factor():
    assert pytest.approx(6.18, abs=0.005) == FACTOR


def test_planning_for_a_loss():
    assert items_needed(0.05, 0.03, 0.01) == math.ceil(FACTOR * 0.05 / 0.02**2)
    with pytest.raises(UserError, match="equals"):
        items_needed(0.05, 0.03, 0.03)
    for variance in (-1.0, math.nan, math.inf):
        with pytest.raises(UserError, match="variance"):
            items_needed(variance, 0.03)


def test_detectable_is_the_reverse():
    assert detectable(500, items_needed(500, 3)) == pytest.approx(3, rel=2e-3)
    assert detectable(500, 0) == math.inf
    with pytest.raises(UserError):
        detectable(-1, 10)


def test_no_flips_plan_with_the_rule_of_three():
    quiet = change(variance=0.0, items=20, effective_items=20.0)
    assert planning_variance(quiet) == pytest.approx(1500)
    assert items_to_decide(quiet, 3.0) == items_needed_for_flips(0.15, 0.03)
    assert smallest_detectable(quiet) == pytest.approx(100 * math.sqrt(FACTOR * 0.15 / 20))
    assert planning_variance(change(variance=0.0, items=1, effective_items=1.0)) == 100**2
    assert planning_variance(change(variance=900.0)) == 900


def test_percent_plans_with_the_observed_variance():
    assert planning_variance(change(unit="percent", variance=4.0)) == 4.0


def test_clusters_multiply_the_items():
    alone = change(variance=2000.0, items=100, effective_items=100.0)
    clustered = change(variance=2000.0, items=100, effective_items=50.0)
    assert items_to_decide(clustered, 3.0) == pytest.approx(2 * items_to_decide(alone, 3.0), abs=1)


def test_more_items_than_there_are():
    for loss in (0.5, 2.0, 2.99, 3.0, 3.5, 20.0):
        found = change(loss=loss, variance=300.0, items=400, effective_items=400.0)
        assert 400 < items_to_decide(found, 3.0) <= items_needed(300.0, 0.3)
    assert items_to_decide(change(loss=2.0, variance=300.0), 3.0) == items_needed(300.0, 3.0, 2.0)


def test_unknown_variance_gives_no_number():
    assert items_to_decide(change(variance=math.inf, effective_items=1.0), 3.0) is None


def test_a_margin_of_zero_still_gives_a_number():
    assert items_to_decide(change(variance=500.0), 0.0) > 400


def power(items, psi, margin):
    """How often no loss is proven to be below the margin."""
    rng = np.random.default_rng(0)
    flips = rng.binomial(items, psi, 4000)
    lost = rng.binomial(flips, 0.5)
    return np.mean(flip_upper(lost, flips - lost, items, critical_value(ONE_SIDED)) < margin)


@pytest.mark.parametrize(("psi", "items"), [(0.02, 225), (0.05, 400), (0.10, 717), (0.30, 2067)])
def test_planned_flips_have_eighty_percent_power(psi, items):
    assert items_needed_for_flips(psi, 0.03) == items
    assert power(items, psi, 0.03) == pytest.approx(0.80, abs=0.03)


def test_the_normal_plan_falls_short_where_flips_are_rarer_than_the_margin():
    assert power(items_needed(0.02, 0.03), 0.02, 0.03) < 0.60
    assert 0.70 < power(items_needed(0.05, 0.03), 0.05, 0.03) < 0.76


def test_plans_agree_where_flips_are_frequent():
    assert items_needed_for_flips(0.5, 0.01) == pytest.approx(items_needed(0.5, 0.01), rel=0.01)
    assert items_needed_for_flips(0.3, 0.05, 0.02) > items_needed(0.3, 0.05, 0.0)


def test_right_and_wrong_answers_are_planned_by_their_flips_and_other_scores_by_variance():
    flips = change(variance=1000.0, items=10, effective_items=10.0, won=1, lost=1)
    assert items_to_decide(flips, 3.0) == items_needed_for_flips(0.3, 0.03)
    scores = change(variance=1000.0, items=100, effective_items=100.0, binary=False)
    assert items_to_decide(scores, 3.0) == items_needed(1000.0, 3.0)


@pytest.mark.parametrize("wrong", [(1.1, 0.03, 0), (0.02, 0.03, 0.05), (0.1, 0, 0), (0.1, 0.03, 0.03)])
def test_impossible_plans_are_refused(wrong):
    with pytest.raises(UserError):
        items_needed_for_flips(*wrong)
