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


def simulated(mix, alike, items=400, draws=1000, chance=0.25):
    """Mean points lost beyond guessing, ours and by Harmon et al.'s formula; ``alike``: how often both guess alike."""
    rng = np.random.default_rng(0)
    ours, theirs = [], []
    for _ in range(draws):
        kind = rng.choice(4, items, p=mix)
        first = rng.random(items)
        second = np.where(rng.random(items) < alike, first, rng.random(items))
        before, after = np.isin(kind, (0, 1)) | (first < chance), np.isin(kind, (0, 2)) | (second < chance)
        cells = (before & after, before & ~after, ~before & after, ~before & ~after)
        flips = Flips(*(float(cell.sum()) for cell in cells))
        ours.append(100 * adjusted_flips(flips, chance).lost / items)
        by_chance = (1 - before.mean()) * (1 - after.mean()) * chance / (1 - chance)
        theirs.append(100 * max(0.0, flips.lost / items - by_chance))
    return np.mean(ours), np.mean(theirs)


def test_unbiased_where_guesses_are_made_anew():
    ours, theirs = simulated((0.60, 0.08, 0.04, 0.28), alike=0.0)
    assert ours == pytest.approx(8, abs=0.3)
    assert theirs > 8.5


def test_a_lower_bound_where_models_guess_alike():
    half, _ = simulated((0.60, 0.08, 0.04, 0.28), alike=0.5)
    same, _ = simulated((0.60, 0.08, 0.04, 0.28), alike=1.0)
    assert same < half < 5


def test_unequal_numbers_of_choices_take_off_slightly_too_much():
    rng = np.random.default_rng(1)
    chance = np.resize([0.5, 0.25], 200_000)
    kind = rng.choice(2, chance.size, p=[0.2, 0.8])  # forgotten, never known
    before, after = (kind == 0) | (rng.random(chance.size) < chance), rng.random(chance.size) < chance
    cells = (before & after, before & ~after, ~before & after, ~before & ~after)
    found = adjusted_flips(Flips(*(float(cell.sum()) for cell in cells)), 0.375).lost / chance.size
    assert 0.15 < found < 0.20


def test_a_guessing_base_is_rarely_taken_for_an_able_one():
    rng = np.random.default_rng(2)
    runs = 3000
    for chances in (np.full(120, 0.25), np.resize([0.5, 0.25], 120)):
        right = (rng.random((runs, 120)) < chances).mean(axis=1)
        clear = [not near_chance(float(share), 120, float(chances.mean())) for share in right]
        assert np.mean(clear) <= 0.05 + 3 * (0.05 * 0.95 / runs) ** 0.5
