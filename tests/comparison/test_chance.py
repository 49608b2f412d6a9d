import numpy as np
import pytest

from retain.comparison.chance import FLOOR, Flips, adjusted_flips, near_chance
from retain.errors import UserError


def test_a_pure_guesser_forgets_nothing():
    # Four choices: a guesser is right 1/4 before and after, independently.
    flips = Flips(both=100, lost=300, won=300, neither=900)
    assert adjusted_flips(flips, 0.25) == pytest.approx((0.0, 0.0))


def test_the_forgotten_are_found_again():
    rng = np.random.default_rng(0)
    n, chance = 200_000, 0.25
    kind = rng.choice(4, n, p=[0.4, 0.15, 0.05, 0.4])  # known to both, forgotten, learned, known to neither
    before = np.isin(kind, (0, 1)) | (rng.random(n) < chance)
    after = np.isin(kind, (0, 2)) | (rng.random(n) < chance)
    flips = Flips(*(int(np.sum(x)) for x in (before & after, before & ~after, ~before & after, ~before & ~after)))
    lost, won = adjusted_flips(flips, chance)
    assert lost / n == pytest.approx(0.15, abs=0.005)
    assert won / n == pytest.approx(0.05, abs=0.005)
    assert flips.lost / n > 0.17


def test_the_difference_is_kept():
    lost, won = adjusted_flips(Flips(50, 40, 30, 60), 0.25)
    assert lost - won == pytest.approx((40 - 30) / 0.75)


def test_without_guessing_flips_stay():
    assert adjusted_flips(Flips(50, 7, 3, 40), 0.0) == (7, 3)


def test_never_negative():
    assert adjusted_flips(Flips(10, 1, 0, 200), 0.5) == (0, 0)


def test_impossible_input_is_refused():
    with pytest.raises(UserError, match="Chance"):
        adjusted_flips(Flips(1, 1, 1, 1), 1.0)
    with pytest.raises(UserError, match="Counts"):
        adjusted_flips(Flips(1, -1, 1, 1), 0.25)
    with pytest.raises(UserError):
        near_chance(0.5, 0, 0.25)


def test_near_chance_needs_evidence():
    assert near_chance(0.25, 400, 0.25)
    assert near_chance(0.28, 400, 0.25)
    assert not near_chance(0.29, 400, 0.25)
    assert near_chance(0.29, 100, 0.25)
    assert near_chance(0.20, 400, 0.25)


def test_generation_near_the_floor():
    assert near_chance(FLOOR - 0.001, 400, None)
    assert not near_chance(FLOOR, 400, None)
