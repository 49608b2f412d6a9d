"""What guessing and noise explain: chance-adjusted flips, probes near chance, the rule of the noise floor."""

from __future__ import annotations

from typing import Any

import numpy as np
from draws import flips, index_of, uniforms

from retain.comparison.chance import Flips, adjusted_flips, near_chance
from retain.comparison.clusters import design_effect
from retain.comparison.intervals import ONE_SIDED, critical_value, exact_upper, flip_upper

Row = dict[str, Any]
Z = critical_value(ONE_SIDED)


def adjusted(draws: int) -> list[Row]:
    """Four choices; known to both, forgotten, learned, known to neither. Estimates in points of the items."""
    rows = []
    mixes = {"much known": (0.60, 0.08, 0.04, 0.28), "little known": (0.20, 0.08, 0.04, 0.68)}
    mixes["nothing forgotten"] = (0.50, 0.0, 0.0, 0.50)
    for name, mix in mixes.items():
        for alike in (0.0, 0.5, 1.0):
            rng = np.random.default_rng(0)
            found = [_adjusted_once(rng, 400, mix, 0.25, alike) for _ in range(draws)]
            plain, ours, theirs = (float(np.mean([one[i] for one in found])) for i in range(3))
            rows.append(
                {
                    "mix": name,
                    "guessing_alike": alike,
                    "forgotten": 100 * mix[1],
                    "lost": plain,
                    "beyond_guessing": ours,
                    "harmon": theirs,
                }
            )
    return rows


def _adjusted_once(
    rng: np.random.Generator, items: int, mix: tuple[float, ...], chance: float, alike: float
) -> tuple[float, float, float]:
    """Points lost, lost beyond guessing, and the same by Harmon et al.'s formula."""
    kind = rng.choice(4, items, p=mix)
    first = rng.random(items)
    second = np.where(rng.random(items) < alike, first, rng.random(items))
    before, after = np.isin(kind, (0, 1)) | (first < chance), np.isin(kind, (0, 2)) | (second < chance)
    cells = (before & after, before & ~after, ~before & after, ~before & ~after)
    table = Flips(*(float(cell.sum()) for cell in cells))
    by_chance = (1 - before.mean()) * (1 - after.mean()) / (1 / chance - 1)
    theirs = max(table.lost / items - by_chance, 0.0)
    return 100 * table.lost / items, 100 * adjusted_flips(table, chance).lost / items, 100 * theirs


def clear_of_chance(draws: int) -> list[Row]:
    """How often a base that guesses is taken for one that can do it (at most 5% wanted), and its power."""
    rows = []
    for items, shared, choices in (
        (50, 0.0, (4,)),
        (300, 0.0, (4,)),
        (300, 0.0, (2, 4)),
        (300, 0.0, (3, 4, 5)),
        (50, 0.3, (4,)),
        (100, 0.3, (4,)),
        (300, 0.3, (4,)),
    ):
        chances = np.resize(1 / np.array(choices), items)
        u = uniforms(np.random.default_rng(items), draws, items, shared)
        index = index_of(items, shared > 0)
        able = np.minimum(chances + 0.12, 1.0)
        wrongly, rightly = (_clear(u < p, index, float(chances.mean())) for p in (chances, able))
        rows.append(
            {
                "items": items,
                "passages": shared > 0,
                "choices": " or ".join(map(str, choices)),
                "false": wrongly,
                "found_at_12_points": rightly,
            }
        )
    return rows


def _clear(right: np.ndarray, index: np.ndarray, chance: float) -> float:
    found = 0
    for one in right:
        good = one * 1.0
        items = good.size / design_effect(good - good.mean(), index)
        found += not near_chance(float(good.mean()), items, chance)
    return 100 * found / len(right)


def noise_rule(draws: int) -> list[Row]:
    """A loss that is all noise, every flip downwards: how often does it pass for more than noise?

    Three rules: the distances to both bounds added in squares (``beyond_noise``, ours); the loss's lower bound
    above the floor's upper bound; and above the floor's estimate. And what they cost: ``forgot`` at a true
    loss of 8 points (psi 14%, margin 3), without a floor and with one.
    """
    rows = []
    for items in (100, 300, 1000):
        for noise in (0.01, 0.03, 0.08):
            rng = np.random.default_rng(items)
            lost = rng.binomial(items, noise, draws).astype(float)
            moved = rng.binomial(items, noise, draws).astype(float)
            low = -flip_upper(np.zeros(draws), lost, items, Z)
            most = exact_upper(moved, np.full(draws, float(items)), 0.05)
            true = flips(rng, draws, items, 0.14, 0.08)
            down, up = (true > 0).sum(axis=1), (true < 0).sum(axis=1)
            real = -flip_upper(up, down, items, Z)

            def ours(loss: Any, low: Any, share: Any = moved / items, most: Any = most) -> np.ndarray:
                return np.asarray(loss - share - np.hypot(loss - low, most - share) > 0)

            judged = real > 0.03
            rows.append(
                {
                    "items": items,
                    "noise": 100 * noise,
                    "ours": 100 * float(ours(lost / items, low).mean()),
                    "apart": 100 * float((low > most).mean()),
                    "estimate": 100 * float((low > moved / items).mean()),
                    "forgot": 100 * float(judged.mean()),
                    "forgot_with_ours": 100 * float((judged & ours((down - up) / items, real)).mean()),
                    "forgot_apart": 100 * float((judged & (real > most)).mean()),
                }
            )
    return rows
