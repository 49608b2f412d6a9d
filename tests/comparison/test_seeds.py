"""The mean over seeds: what the interval is made of, and that it holds the truth with three seeds."""

import numpy as np
import pytest

from retain.comparison.intervals import paired_t
from retain.comparison.seeds import over_seeds
from retain.errors import UserError

from .build import bits, measurement


def run(after, before=None, **values):
    start = np.ones(len(after)) if before is None else before
    return measurement("task", start, **values), measurement("task", after, model="tuned", **values)


def seeds_apart(means, items=100, seed=0):
    """Runs whose means differ exactly as given; all items of a run lose alike."""
    return [run(np.full(items, 0.5 + mean), np.full(items, 0.5)) for mean in means]


def test_seeds_that_differ_and_items_that_do_not_give_students_t_over_seeds():
    found = over_seeds(seeds_apart([-0.02, -0.04, -0.09], items=100))
    expected = paired_t(-5.0, np.std([2, 4, 9], ddof=1) / 3**0.5, 2)
    assert found.delta == pytest.approx(-5)
    assert (found.low, found.high) == pytest.approx(tuple(expected))
    assert found.by_seed == pytest.approx((-2, -4, -9))
    assert found.seed_spread == pytest.approx(np.std([2, 4, 9], ddof=1))
    assert (found.seeds, found.items) == (3, 100)


def test_seeds_that_agree_leave_the_items():
    rng = np.random.default_rng(0)
    before = rng.uniform(0.3, 0.7, 200)
    after = before + rng.normal(-0.02, 0.1, 200)
    found = over_seeds([run(after, before)] * 3)
    loss = before - after
    expected = paired_t(-100 * loss.mean(), 100 * loss.std(ddof=1) / 200**0.5, 199)
    assert (found.low, found.high) == pytest.approx(tuple(expected))
    assert found.seed_spread == pytest.approx(0)
    assert (found.bootstrap_low, found.bootstrap_high) == pytest.approx(tuple(expected), abs=0.15)


def test_the_bootstrap_is_too_short_with_three_seeds_that_differ():
    found = over_seeds(seeds_apart([-0.02, -0.04, -0.09]))
    assert found.bootstrap_high - found.bootstrap_low < 0.5 * (found.high - found.low)
    assert over_seeds(seeds_apart([-0.02, -0.04, -0.09])) == found


def test_both_parts_add_in_squares():
    rng = np.random.default_rng(0)
    before = rng.uniform(0.4, 0.7, 200)
    after = before + np.clip(rng.normal(-0.02, 0.05, 200), -0.2, 0.2)
    found = over_seeds([run(after + shift, before) for shift in (-0.01, 0.0, 0.04)])
    seeds = 4.3027 * np.std([-1, 0, 4], ddof=1) / 3**0.5
    items = 1.972 * 100 * (before - after).std(ddof=1) / 200**0.5
    assert found.high - found.delta == pytest.approx((seeds**2 + items**2) ** 0.5, rel=1e-3)


def test_no_flips_are_no_proof():
    found = over_seeds([run(np.ones(50))] * 3)
    assert found.delta == 0
    assert found.loss_high == pytest.approx(100 * 1.677 * 3**0.5 / 50, rel=1e-2)


def test_clusters_widen():
    rng = np.random.default_rng(1)
    before = np.repeat(rng.random(40) < 0.5, 5) * 1.0
    after = np.repeat(rng.random(40) < 0.5, 5) * 1.0
    alone = over_seeds([run(after, before)] * 3)
    ids = measurement("task", before).scores
    shared = over_seeds([run(after, before, clusters={item: f"c{i // 5}" for i, item in enumerate(ids)})] * 3)
    assert shared.high - shared.low > 2 * (alone.high - alone.low)


def test_lower_is_better_and_percent():
    runs = [(bits(scores=[1.0, 3.0, 2.0]), bits(scores=[1.0, 3.0, 2.0 + extra])) for extra in (0.6, 0.6)]
    found = over_seeds(runs)
    assert found.delta == pytest.approx(-10)
    assert found.loss_low < 10 < found.loss_high


def test_only_items_of_all_runs_count():
    first = measurement("task", {"a": 1, "b": 1, "c": 1}), measurement("task", {"a": 1, "b": 0, "c": 0})
    second = first[0], measurement("task", {"a": 1, "b": 0})
    assert over_seeds([first, second]).items == 2


def test_impossible_runs_are_refused():
    one = run(np.ones(5))
    with pytest.raises(UserError, match="two runs"):
        over_seeds([one])
    with pytest.raises(UserError, match="one probe"):
        over_seeds([one, (measurement("other", np.ones(5)), measurement("other", np.ones(5)))])
    with pytest.raises(UserError, match="share no item"):
        over_seeds([one, (measurement("task", {"x": 1}), measurement("task", {"x": 1}))])


def test_three_seeds_cover():
    rng = np.random.default_rng(2)
    runs, held, boot = 200, 0, 0
    for _ in range(runs):
        item = 0.47 + np.clip(rng.normal(0, 0.1, 80), -0.25, 0.25)
        seed = np.clip(rng.normal(0, 0.04, (3, 1)), -0.12, 0.12)
        own = np.clip(rng.normal(0, 0.03, (3, 80)), -0.08, 0.08)
        made = [run(after, np.full(80, 0.5)) for after in item + seed + own]
        found = over_seeds(made, draws=300)
        held += found.low <= -3 <= found.high
        boot += found.bootstrap_low <= -3 <= found.bootstrap_high
    assert held / runs >= 0.95 - 2 * (0.05 * 0.95 / runs) ** 0.5
    assert boot / runs < 0.90
