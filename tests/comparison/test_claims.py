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
    pooled, one = mean_loss([[[run] for run in runs]]), over_seeds(runs)
    assert pooled.loss == pytest.approx(-one.delta)
    assert (pooled.low, pooled.high) == (pytest.approx(-one.high), pytest.approx(-one.low))
    assert pooled.at_most == pytest.approx(one.loss_high)
    assert pooled.by_run == pytest.approx([-delta for delta in one.by_seed])


def test_more_probes_narrow_the_mean():
    rng = np.random.default_rng(1)
    base = [measured(answers(rng, np.full(100, 0.7)), f"p{number}") for number in range(9)]
    runs = [[(one, measured(answers(rng, np.full(100, 0.68)), one.probe)) for one in base] for _ in range(4)]
    few, many = mean_loss([[run[:1] for run in runs]]), mean_loss([runs])
    assert many.high - many.low < 0.6 * (few.high - few.low)
    shuffled = [list(reversed(run)) for run in runs[:2]] + runs[2:]
    assert mean_loss([shuffled]) == many


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
        held += mean_loss([runs]).at_most >= truth
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
        mean_loss([[[(one, one)]]])
    with pytest.raises(UserError, match="same probes"):
        mean_loss([[[(one, one)], [(other, other)]]])
    with pytest.raises(UserError, match="at least two"):
        gain_kept([[(one, one, one)]])


def test_tasks_are_as_given_and_only_their_seeds_were_drawn():
    """Three tasks that lose 0, 5 and 10 points: what differs between them is no doubt about their mean."""
    rng = np.random.default_rng(6)
    held = 0
    widths = []
    for _ in range(300):
        chances = 0.3 + 0.4 * rng.random((4, 60))
        before = [measured(answers(rng, row), f"p{number}") for number, row in enumerate(chances)]
        tasks = [
            [
                [(one, measured(answers(rng, row - lost + move), one.probe)) for one, row in
                 zip(before, chances, strict=True)]
                for move in 0.02 * rng.standard_normal(3)
            ]
            for lost in (0.0, 0.05, 0.1)
        ]  # fmt: skip
        found = mean_loss(tasks)
        held += found.low <= 5 <= found.high
        widths.append((found.high - found.low, mean_loss([[run for task in tasks for run in task]])))
    assert 0.925 < held / 300 < 0.985
    assert np.mean([own < other.high - other.low for own, other in widths]) > 0.9, "as if tasks were drawn is wider"


def test_what_a_tuned_model_could_not_be_scored_on_is_lost():
    before = measured(np.ones(40))
    kept = dict(list(before.scores.items())[:30])
    broken = measurement("p", kept, left_out={item: "not finite" for item in before.scores.keys() - kept.keys()})
    assert over_seeds([(before, broken), (before, before)]).by_seed == pytest.approx((-25, 0))
    assert mean_loss([[[(before, broken)], [(before, broken)]]]).loss == pytest.approx(25)
    nothing = measured(np.zeros(40))
    found = gain_kept([[(nothing, before, broken)] * 2])
    assert found.share == pytest.approx(0.75)


def test_items_that_one_lacks_are_left_out_of_all():
    rng = np.random.default_rng(7)
    base, plain = measured(answers(rng, np.full(60, 0.1))), measured(answers(rng, np.full(60, 0.9)))
    items = list(base.scores)

    def without(item):
        return measured({name: score for name, score in plain.scores.items() if name != item})

    found = gain_kept([[(base, without(items[0]), without(items[-1]))] * 2])
    assert (found.low, found.share) == (pytest.approx(1, abs=1e-6), pytest.approx(1))
