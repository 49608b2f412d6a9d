"""Retained gain: the ratio, when it is refused, and its intervals."""

import numpy as np
import pytest

from retain.comparison.retained_gain import fieller, retained_gain
from retain.errors import UserError

from .build import bits, measurement


def arms(items=200, base=0.1, plain=0.7, ours=0.68, seed=0, noise=0.3):
    """Base, plain and ours on the same items; an item's difficulty is common to all three."""
    rng = np.random.default_rng(seed)
    difficulty = np.linspace(0, 1, items, endpoint=False)

    def right(share):
        return ((difficulty + noise * rng.normal(size=items)).argsort().argsort() < share * items) * 1.0

    return [measurement("task", right(share), model=str(share)) for share in (base, plain, ours)]


def test_the_ratio_and_both_gains():
    found = retained_gain(*arms())
    assert found.value == pytest.approx(58 / 60)
    assert (found.plain_gain, found.our_gain) == pytest.approx((60, 58))
    assert found.reason is None
    assert found.low < found.at_least < found.value < found.high
    assert found.items == 200


def test_the_bootstrap_agrees_with_fieller():
    found = retained_gain(*arms())
    assert (found.low, found.high) == pytest.approx((found.fieller_low, found.fieller_high), abs=0.03)


def test_few_items_take_fiellers():
    found = retained_gain(*arms(items=40))
    assert (found.low, found.high) == (found.fieller_low, found.fieller_high)
    assert found.low < found.at_least < found.value


def test_a_gain_that_is_not_clear_of_zero_gives_no_ratio():
    found = retained_gain(*arms(items=60, base=0.5, plain=0.6))
    assert (found.value, found.low, found.high, found.at_least) == (None,) * 4
    assert "not clear of 0" in found.reason
    assert found.plain_low < 0 < found.plain_gain


def test_a_small_gain_gives_no_ratio_however_certain():
    base, plain, ours = arms(items=4000, base=0.50, plain=0.54, noise=0.0)
    found = retained_gain(base, plain, ours)
    assert found.plain_low > 0
    assert "more than 5 are needed" in found.reason
    assert found.value is None


def test_a_loss_gives_no_ratio():
    assert "not clear of 0" in retained_gain(*arms(base=0.7, plain=0.2)).reason


def test_lower_is_better():
    rng = np.random.default_rng(0)
    base = rng.uniform(0.9, 1.1, 60)
    found = retained_gain(*(bits("task", base * factor + rng.normal(0, 0.005, 60)) for factor in (1.0, 0.8, 0.82)))
    assert found.value == pytest.approx(0.9, abs=0.02)
    assert found.plain_gain == pytest.approx(20, abs=0.5)


def test_clusters_widen():
    base, plain, ours = arms()
    rng = np.random.default_rng(1)
    kept = np.repeat(rng.random(40) < 0.9, 5)
    scores = {item: score * keep for (item, score), keep in zip(plain.scores.items(), kept.tolist(), strict=True)}
    ours = plain.model_copy(update={"scores": scores})
    clusters = {item: f"c{i // 5}" for i, item in enumerate(base.scores)}
    alone = retained_gain(base, plain, ours)
    shared = retained_gain(base.model_copy(update={"clusters": clusters}), plain, ours)
    assert shared.value == alone.value
    assert shared.high - shared.low > 1.5 * (alone.high - alone.low)


def test_only_shared_items_count_and_none_are_refused():
    base, plain, ours = arms(items=100)
    fewer = ours.model_copy(update={"scores": dict(list(ours.scores.items())[:60])})
    assert retained_gain(base, plain, fewer).items == 60
    with pytest.raises(UserError, match="share no item"):
        retained_gain(base, plain, ours.model_copy(update={"scores": {"x": 1.0}}))


def test_what_ours_could_not_be_scored_on_is_lost():
    base, plain, ours = arms(items=100)
    half = dict(list(ours.scores.items())[:50])
    broken = ours.model_copy(
        update={"scores": half, "left_out": {item: "not finite" for item in ours.scores.keys() - half.keys()}}
    )
    found = retained_gain(base, plain, broken)
    assert found.items == 100
    expected = sum(half.values()) - sum(base.scores.values())
    assert found.our_gain == pytest.approx(expected)


@pytest.mark.parametrize("values", [{"probe": "other"}, {"split": "dev"}, {"metric": "f1"}])
def test_different_measures_are_refused(values):
    base, plain, ours = arms(items=50)
    with pytest.raises(UserError, match=next(iter(values))):
        retained_gain(base, plain, ours.model_copy(update=values))


def test_fieller_by_hand():
    # Without noise in the denominator the interval is that of the numerator's mean over it.
    top = np.random.default_rng(3).normal(2, 1, 50)
    half = 2.0096 * top.std(ddof=1) / 50**0.5
    found = fieller(top, np.full(50, 4.0), np.arange(50))
    assert found == pytest.approx(((top.mean() - half) / 4, (top.mean() + half) / 4), rel=1e-4)
    assert fieller(top, top, np.arange(50)) == pytest.approx((1, 1))
    assert fieller(top, top - top.mean(), np.arange(50)) is None
    assert fieller(top, np.ones(50), np.zeros(50, dtype=int)) is None
