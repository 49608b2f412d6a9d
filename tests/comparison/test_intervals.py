import math

import numpy as np
import pytest
from scipy import optimize, stats

from retain.comparison.intervals import (
    ONE_SIDED,
    critical_value,
    flip_bounds,
    flip_upper,
    newcombe,
    paired_t,
    skewed_t,
    tango,
    tango_upper,
    wilson,
)
from retain.comparison.mcnemar import mcnemar_midp
from retain.errors import UserError


def score_statistic(lost, won, items, loss):
    """Tango's statistic by numeric maximum likelihood: no closed form is used."""

    def minus_likelihood(share_won):
        share_lost = share_won + loss
        kept = 1 - share_lost - share_won
        if min(share_lost, share_won, kept) < 0:
            return math.inf
        return -sum(
            count * math.log(max(share, 1e-300))
            for count, share in ((lost, share_lost), (won, share_won), (items - lost - won, kept))
            if count
        )

    low, high = max(0.0, -loss), (1 - loss) / 2
    best = optimize.minimize_scalar(minus_likelihood, bounds=(low, high), method="bounded", options={"xatol": 1e-13}).x
    best = min((low, best), key=minus_likelihood)
    return ((lost - won) / items - loss) / math.sqrt((2 * best + loss - loss**2) / items)


@pytest.mark.parametrize(("lost", "won", "items"), [(12, 2, 50), (7, 1, 21), (40, 20, 160), (1, 0, 44), (3, 9, 60)])
def test_tango_inverts_the_score_test(lost, won, items):
    z = critical_value()
    low, high = tango(lost, won, items)
    assert score_statistic(lost, won, items, low) == pytest.approx(z, abs=1e-4)
    assert score_statistic(lost, won, items, high) == pytest.approx(-z, abs=1e-4)


def test_tango_published_example():
    # Airway reactivity before and after stem cell transplantation: table (1, 1, 7, 12) of Fagerland et al. 2014.
    assert tango(1, 7, 21) == pytest.approx((-0.517, -0.026), abs=5e-4)


def test_newcombe_published_examples():
    assert newcombe(36, 12, 2, 0) == pytest.approx((0.0569, 0.3404), abs=5e-5)  # Newcombe 1998, method 10
    assert newcombe(1, 1, 7, 12) == pytest.approx((-0.507, -0.026), abs=5e-4)  # Fagerland et al. 2014


def test_newcombe_and_tango_agree_when_flips_are_many():
    assert newcombe(500, 60, 40, 400) == pytest.approx(tango(60, 40, 1000), abs=2e-3)


def test_no_flips_in_twenty_items_prove_nothing():
    z2 = stats.norm.ppf(0.95) ** 2
    low, high = tango(0, 0, 20, ONE_SIDED)
    assert high == pytest.approx(z2 / (20 + z2))
    assert high > 0.11
    assert low == pytest.approx(-high)
    assert flip_bounds(0, 0, 20, ONE_SIDED).high == pytest.approx(1 - 0.05 ** (1 / 20))


def test_no_flips_need_ninety_nine_items_for_three_points():
    assert flip_bounds(0, 0, 98, ONE_SIDED).high > 0.03
    assert flip_bounds(0, 0, 99, ONE_SIDED).high < 0.03


def test_bounds_turn_with_the_direction():
    low, high = flip_bounds(9, 3, 80)
    assert flip_bounds(3, 9, 80) == pytest.approx((-high, -low))
    low, high = flip_bounds(4, 0, 80)
    assert flip_bounds(0, 4, 80) == pytest.approx((-high, -low))


def test_flip_bounds_are_exact_where_all_flips_are_losses():
    assert flip_bounds(3, 0, 100, ONE_SIDED).high == pytest.approx(stats.beta.ppf(0.95, 4, 97))
    assert flip_bounds(3, 0, 100, ONE_SIDED).high > tango(3, 0, 100, ONE_SIDED).high
    assert flip_bounds(3, 1, 100, ONE_SIDED).high < flip_bounds(3, 0, 100, ONE_SIDED).high


def test_a_certain_loss_is_bounded_exactly_from_below():
    found = flip_bounds(11, 0, 60, ONE_SIDED)
    assert found.low == pytest.approx(stats.beta.ppf(0.05, 11, 50))
    assert found.low < tango(11, 0, 60, ONE_SIDED).low


def test_flip_bounds_stay_close_to_tango():
    plain, ours = tango(20, 12, 400, ONE_SIDED), flip_bounds(20, 12, 400, ONE_SIDED)
    assert ours.low < plain.low < plain.high < ours.high
    assert ours == pytest.approx(plain, abs=1e-3)


def test_fractional_counts_lie_between_whole_ones():
    assert tango(5, 2, 100).high < tango(5.5, 2, 100).high < tango(6, 2, 100).high
    assert tango(5 / 2, 2 / 2, 100 / 2).high > tango(5, 2, 100).high


def test_few_degrees_of_freedom_widen():
    assert tango(5, 2, 100, df=9).high > tango(5, 2, 100).high


def test_vectorised_upper_equals_single():
    lost, won = np.array([0, 3, 12]), np.array([0, 4, 2])
    uppers = tango_upper(lost, won, np.array([50, 50, 50]), critical_value())
    assert uppers == pytest.approx([tango(a, b, 50).high for a, b in zip(lost, won, strict=True)])


def test_wilson_textbook():
    # 81 of 263: Newcombe 1998 (single proportion), 0.2553 to 0.3662; and no successes: 0 to z^2/(n + z^2).
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)


def test_paired_t():
    assert paired_t(1.0, 0.5, 9) == pytest.approx((1 - 2.262 * 0.5, 1 + 2.262 * 0.5), abs=1e-3)
    assert paired_t(1.0, 0.5, 0) == (-math.inf, math.inf)


def test_skewness_moves_only_the_long_end():
    plain = paired_t(1.0, 0.5, 9)
    assert skewed_t(1.0, 0.5, 0.0, 9) == plain
    right, left = skewed_t(1.0, 0.5, 0.02, 9), skewed_t(1.0, 0.5, -0.02, 9)
    assert right.low == plain.low
    assert right.high == pytest.approx(plain.high + 0.02 * (1 + 2 * 2.2622**2) / (6 * 0.25), abs=1e-4)
    assert left.high == plain.high
    assert left.low < plain.low
    assert skewed_t(0.0, 0.0, 0.0, 9) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("lost", "won", "items"), [(0, 0, 0), (-1, 0, 10), (6, 6, 10), (math.nan, 0, 10), (1, 1, math.inf)]
)
def test_impossible_counts_are_refused(lost, won, items):
    with pytest.raises(UserError):
        tango(lost, won, items)
    with pytest.raises(UserError):
        flip_bounds(lost, won, items)


def test_impossible_levels_are_refused():
    with pytest.raises(UserError, match="between 0 and 1"):
        critical_value(95)
    with pytest.raises(UserError, match="positive"):
        critical_value(0.95, 0)


def exact_rate(items, psi, loss, decide):
    """Probability of ``decide(lost, won)`` over all outcomes, without simulation."""
    lost, won = np.meshgrid(np.arange(items + 1), np.arange(items + 1), indexing="ij")
    possible = lost + won <= items
    lost, won = lost[possible], won[possible]
    weight = stats.binom.pmf(lost + won, items, psi) * stats.binom.pmf(lost, lost + won, (psi + loss) / (2 * psi))
    likely = weight > 1e-10
    return float(weight[likely][decide(lost[likely], won[likely])].sum())


@pytest.mark.parametrize("margin", [0.005, 0.01, 0.03, 0.10])
@pytest.mark.parametrize("items", [20, 30, 50, 60, 65, 90, 99, 150, 250])
def test_a_loss_at_the_margin_is_called_retained_at_most_once_in_twenty(items, margin):
    def retained(lost, won):
        return flip_upper(lost, won, items, critical_value(ONE_SIDED)) < margin

    for psi in (margin, 1.2 * margin, 0.05, 0.10, 0.15, 0.20, 0.30):
        if psi >= margin:
            assert exact_rate(items, psi, margin, retained) <= 0.05


@pytest.mark.parametrize("items", [20, 60, 100, 200])
def test_no_loss_is_called_forgotten_at_most_once_in_twenty(items):
    def forgot(lost, won):
        low = -flip_upper(won, lost, items, critical_value(ONE_SIDED))
        p = [mcnemar_midp(a, b) for a, b in zip(lost.tolist(), won.tolist(), strict=True)]
        return (low > 0.03) | ((np.array(p) <= 0.05) & ((lost - won) / items > 0.03))

    for psi in (0.03, 0.10, 0.30):
        assert 0 < exact_rate(items, psi, 0.0, forgot) <= 0.05


def test_tango_alone_would_call_it_retained_too_often():
    upper = exact_rate(90, 0.03, 0.03, lambda a, b: tango_upper(a, b, 90, critical_value(ONE_SIDED)) < 0.03)
    assert upper > 0.06
