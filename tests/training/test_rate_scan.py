"""The rules of the learning-rate scan, on points without a model."""

from itertools import pairwise

import pytest

from retain.records import Candidate
from retain.training.rate_scan import broken_point, choose_rate, default_rates, next_rate, rate_label


def point(rate, gain, loss, passing=True, error=2.0):
    return Candidate(
        label=rate_label(rate), value=rate, gain=gain, mean_loss=loss, worst="x", worst_loss=loss, passing=passing,
        gain_error=error,
    )  # fmt: skip


GRID = [1e-4, 1e-3, 1e-2, 1e-1]


def points(*found):
    return [point(rate, *one) for rate, one in zip(GRID, found, strict=True)]


@pytest.mark.parametrize(
    ("adapter", "parameters", "ends"),
    [
        (True, 7_000_000_000, (5e-5, 5e-4)),
        (False, 7_000_000_000, (1e-6, 1e-5)),
        (True, 135_000_000, (2e-4, 5e-3)),
        (False, 135_000_000, (2e-5, 5e-4)),
    ],
)
def test_the_default_grid_suits_what_is_trained(adapter, parameters, ends):
    rates = default_rates(adapter, parameters)
    assert len(rates) == 4 and (rates[0], rates[-1]) == ends
    ratios = [after / before for before, after in pairwise(rates)]
    assert max(ratios) / min(ratios) < 1.1


def test_the_largest_rate_below_the_cliff_that_reaches_the_gain_is_taken():
    taken, why = choose_rate(points((2, 0), (20, 0.5), (21, 0.8), (40, 30, False)), 0)
    assert taken.value == 1e-2
    assert "below the cliff at 1e-1" in why


def test_a_larger_rate_that_gains_less_is_not_taken():
    taken, _ = choose_rate(points((2, 0), (20, 0.5), (10, 0.8), (40, 30, False)), 0)
    assert taken.value == 1e-3


def test_one_standard_error_less_still_reaches_the_gain():
    taken, _ = choose_rate(points((2, 0), (20, 0.5), (18.5, 0.8), (40, 30, False)), 0)
    assert taken.value == 1e-2


def test_what_passes_again_beyond_the_cliff_is_luck():
    taken, _ = choose_rate(points((2, 0), (20, 0.5), (40, 30, False), (50, 0)), 0)
    assert taken.value == 1e-3


def test_where_none_passes_the_one_that_loses_least_of_those_that_gained_is_taken():
    taken, why = choose_rate(points((0, 1.5, False), (20, 2, False), (30, 5, False), (40, 30, False)), 0)
    assert taken.value == 1e-3
    assert "no rate passed" in why


def test_a_rate_that_broke_is_the_cliff():
    found = [point(1e-4, 5, 0), point(1e-3, 9, 0), broken_point(1e-2, "The loss became nan in step 3.\nmore")]
    assert choose_rate(found, 0)[0].value == 1e-3
    assert "nan in step 3" in found[-1].why and "more" not in found[-1].why
    assert choose_rate([broken_point(1.0, "x"), broken_point(2.0, "x")], 0)[0].value == 1.0


def test_where_no_loss_is_pooled_the_worst_capability_decides():
    worst = (9.0, 2.0, 4.0, 30.0)
    found = [point(rate, 20, None, False).model_copy(update={"worst_loss": loss}) for rate, loss in
             zip(GRID, worst, strict=True)]  # fmt: skip
    taken, why = choose_rate(found, 0)
    assert taken.value == 1e-3 and why.endswith("the one whose worst capability lost least was taken")


def test_a_gain_that_was_not_measured_is_not_taken_for_none_at_all():
    taken, why = choose_rate(points((None, 0), (None, 0), (None, 1), (None, 30, False)), -5)
    assert taken.value == 1e-2 and why == "the largest rate that passes, below the cliff at 1e-1; no gain was measured"
    assert next_rate(points((None, 0), (None, 0), (None, 0), (None, 0)), GRID, 0) is None
    assert choose_rate(points((-9, 1, False), (-4, 2, False), (None, 0, False), (None, 0, False)), -5)[0].value == 1e-3


def test_the_grid_grows_upwards_while_the_gain_rises():
    rising = points((2, 0), (5, 0), (10, 0), (20, 0))
    assert next_rate(rising, GRID, 0) == pytest.approx(1.0)
    more = [*rising, point(1.0, 40, 0)]
    assert next_rate(more, GRID, 0) == pytest.approx(10.0)
    assert next_rate([*more, point(10.0, 41, 30, False)], GRID, 0) is None
    assert next_rate([*more, point(10.0, 39.5, 0)], GRID, 0) is None, "within one standard error: no longer rising"


def test_the_grid_grows_downwards_while_nothing_passes():
    failing = points((5, 9, False), (9, 9, False), (9, 9, False), (9, 9, False))
    assert next_rate(failing, GRID, 0) == pytest.approx(1e-5)
    assert next_rate([point(1e-5, 3, 0), *failing], GRID, 0) == pytest.approx(1e-6), "the best is at the edge"
    assert next_rate([point(1e-6, 0, 0), point(1e-5, 3, 0), *failing], GRID, 0) is None


def test_the_grid_does_not_grow_for_ever():
    endless = [*points((2, 0), (5, 0), (10, 0), (20, 0)), *(point(10.0**n, 30 + n, 0) for n in range(3))]
    assert next_rate(endless, GRID, 0) is None
    broken = [broken_point(10.0**-n, "x") for n in range(8)]
    assert next_rate(broken, GRID, 0) is None


def test_nothing_learned_asks_for_larger_rates():
    assert next_rate(points((0, 0), (0, 0), (0, 0), (0, 0)), GRID, 0) == pytest.approx(1.0)


@pytest.mark.parametrize(("rate", "label"), [(2e-4, "2e-4"), (0.00058, "5.8e-4"), (1.0, "1e0"), (5e-3, "5e-3")])
def test_labels(rate, label):
    assert rate_label(rate) == label
