"""Claims over tasks and seeds, by simulation."""

import numpy as np
import pytest

from retain.comparison.claims import gain_kept, mean_loss
from retain.comparison.seeds import over_seeds
from retain.errors import UserError

from .build import measurement


def measured(scores, probe="p"):
    return measurement(probe, scores)


def answers(rng, chances, spread=0.0):
    """Right or wrong for each item's chance, moved for this run."""
    return (rng.random(len(chances)) < np.clip(chances + spread * rng.standard_normal(), 0, 1)).astype(float)


def test_one_probe_is_what_over_seeds_says():
    rng = np.random.default_rng(0)
    before = measured(answers(rng, np.full(80, 0.7)))
    runs = [(before, measured(answers(rng, np.full(80, 0.6)))) for _ in range(3)]
    pooled, one = mean_loss([[run] for run in runs]), over_seeds(runs)
    assert pooled.loss == pytest.approx(-one.delta)
    assert (pooled.low, pooled.high) == (pytest.approx(-one.high), pytest.approx(-one.low))
    assert pooled.at_most == pytest.approx(one.loss_high)
    assert pooled.by_run == pytest.approx([-delta for delta in one.by_seed])


def test_more_probes_narrow_the_mean():
    rng = np.random.default_rng(1)
    base = [measured(answers(rng, np.full(100, 0.7)), f"p{number}") for number in range(9)]
    runs = [[(one, measured(answers(rng, np.full(100, 0.68)), one.probe)) for one in base] for _ in range(4)]
    few, many = mean_loss([run[:1] for run in runs]), mean_loss(runs)
    assert many.high - many.low < 0.6 * (few.high - few.low)
    shuffled = [list(reversed(run)) for run in runs[:2]] + runs[2:]
    assert mean_loss(shuffled) == many


def test_the_bound_on_the_mean_loss_holds_as_often_as_it_says():
    rng = np.random.default_rng(2)
    held = 0
    for _ in range(300):
        chances = rng.beta(4, 2, (5, 60))
        before = [measured(answers(rng, row), f"p{number}") for number, row in enumerate(chances)]
        shift = 0.02 * rng.standard_normal(3)
        runs = [
            [(one, measured(answers(rng, np.clip(row - 0.05 + move, 0, 1)), one.probe)) for one, row in
             zip(before, chances, strict=True)]
            for move in shift
        ]  # fmt: skip
        truth = 100 * np.mean(chances - np.clip(chances - 0.05, 0, 1))
        held += mean_loss(runs).at_most >= truth
    assert held / 300 > 0.93


def kept(rng, share, seeds=3, items=150, gain=0.6):
    chances = rng.beta(2, 6, items)
    base = measured(answers(rng, np.zeros(items)))
    rows = []
    for _ in range(seeds):
        plain = np.clip(chances + gain - chances.mean(), 0, 1)
        rows.append((base, measured(answers(rng, plain)), measured(answers(rng, share * plain))))
    return rows


def test_the_same_model_keeps_all_of_the_gain():
    rng = np.random.default_rng(3)
    runs = [(base, plain, plain) for base, plain, _ in kept(rng, 1.0)]
    found = gain_kept([runs, runs])
    assert found.share == 1 and found.low == pytest.approx(1, abs=1e-6) and found.at_least == pytest.approx(1, abs=1e-6)


def test_the_bound_on_the_gain_kept_holds_as_often_as_it_says():
    rng = np.random.default_rng(4)
    held = inside = 0
    for _ in range(80):
        found = gain_kept([kept(rng, 0.9), kept(rng, 0.9)])
        held += found.at_least <= 0.9
        inside += found.low <= 0.9 <= found.high
        assert found.low <= found.at_least <= found.share <= found.high
    assert held / 80 > 0.89 and inside / 80 > 0.89, "95%, and chance: two standard errors are 5 points"


def test_no_plain_gain_no_share():
    rng = np.random.default_rng(5)
    base = measured(answers(rng, np.full(50, 0.5)))
    runs = [(base, measured(answers(rng, np.full(50, 0.5))), measured(answers(rng, np.full(50, 0.5)))) for _ in "abc"]
    found = gain_kept([runs])
    assert found.low == -np.inf and found.high == np.inf


def test_what_cannot_be_pooled_is_refused():
    one, other = measured([1, 0, 1], "a"), measured([1, 0, 1], "b")
    with pytest.raises(UserError, match="at least two"):
        mean_loss([[(one, one)]])
    with pytest.raises(UserError, match="same probes"):
        mean_loss([[(one, one)], [(other, other)]])
    with pytest.raises(UserError, match="at least two"):
        gain_kept([[(one, one, one)]])
