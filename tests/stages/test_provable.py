"""What items can prove, against the numbers of the planning formula and against simulated verdicts."""

import numpy as np
import pytest

from retain.commands.check import check
from retain.comparison.power import items_needed
from retain.records import Gate
from retain.stages.provable import provable_mean, provable_note


def test_one_probe_is_the_planning_formula():
    items = items_needed(0.05, 0.03)
    assert items == 344
    assert provable_mean([items], 0.05) == pytest.approx(3.0, abs=0.01)


def test_probes_weigh_alike_whatever_their_items():
    assert provable_mean([100] * 9, 0.05) == pytest.approx(provable_mean([100], 0.05) / 3)
    assert provable_mean([100, 10_000], 0.05) == pytest.approx(provable_mean([100], 0.05) / 2, rel=0.01)


def test_it_is_proven_about_four_times_in_five():
    """A plain bound on the mean of right and wrong answers that flip alike in both directions."""
    rng = np.random.default_rng(0)
    sizes, flips, draws = [200, 400, 300], 0.1, 4000
    means, variance = np.zeros(draws), 0.0
    for size in sizes:
        flipped = rng.multinomial(size, [flips / 2, flips / 2, 1 - flips], draws)
        means += 100 * (flipped[:, 0] - flipped[:, 1]) / size / len(sizes)
        variance += 100**2 * flips / size / len(sizes) ** 2
    proven = means + 1.645 * variance**0.5 < provable_mean(sizes, flips)
    assert proven.mean() == pytest.approx(0.8, abs=0.03)


def test_a_margin_that_cannot_be_met_is_said_beforehand():
    note = provable_note([140] * 9, Gate(mean_margin=1.0, margin=3.0))
    assert "these 1,260 test items prove a mean loss under 1.6 points" in note and "mostly inconclusive" in note
    assert "mostly inconclusive" not in provable_note([140] * 9, Gate(mean_margin=4.0, margin=9.0))
    assert provable_note([0, 0], Gate()) == "" == provable_note([], Gate())


def test_check_says_it_of_the_suites_items():
    checked = check("examples/quickstart/recipe.yaml")
    assert "these 240 test items" in checked.provable and "gate.mean_margin is 10" in checked.provable
    assert "these 60 test items" in check("examples/quickstart/recipe.yaml", ["measure.limit=10"]).provable
