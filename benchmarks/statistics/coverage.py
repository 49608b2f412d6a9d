"""How often an interval holds the truth: two-sided 95%, and how often each one-sided 95% bound misses."""

from __future__ import annotations

from typing import Any

import numpy as np
from draws import flips, index_of, measurement, pair_of_flips, pair_of_scores, scores

from retain.comparison.intervals import ONE_SIDED, TWO_SIDED, Bounds, critical_value, flip_upper, tango_upper
from retain.comparison.paired import Paired, weigh
from retain.comparison.pooled import Strata, pool, score_bounds
from retain.comparison.retained_gain import retained_gain
from retain.comparison.seeds import over_seeds
from retain.records import Measurement

Row = dict[str, Any]
SHARED = 0.4
"""Correlation of the items of one passage (of the normal number behind a flip)."""
SIZES = (50, 100, 300, 1000)
FLIPS = ((0.02, 0.0), (0.05, 0.0), (0.05, 0.03), (0.10, 0.0), (0.10, 0.03), (0.30, 0.03), (0.30, 0.20))
"""(psi, loss): share of items that flip, and their mean."""


def rates(truth: float, two: list[Bounds] | np.ndarray, one: list[Bounds] | np.ndarray) -> Row:
    """Coverage and misses in percent; a bound equal to the truth holds it."""
    wide, narrow = np.asarray(two, dtype=float), np.asarray(one, dtype=float)
    held = (wide[:, 0] <= truth + 1e-12) & (wide[:, 1] >= truth - 1e-12)
    return {
        "coverage": 100 * float(held.mean()),
        "lower_misses": 100 * float((narrow[:, 0] > truth + 1e-12).mean()),
        "upper_misses": 100 * float((narrow[:, 1] < truth - 1e-12).mean()),
    }


def binary(draws: int) -> list[Row]:
    """One probe of right and wrong answers, items independent; Tango's published interval beside ours."""
    rows = []
    for items in SIZES:
        for psi, loss in FLIPS:
            found = flips(np.random.default_rng(items), draws, items, psi, loss)
            lost, won = (found > 0).sum(axis=1), (found < 0).sum(axis=1)

            def bounds(upper: Any, level: float, lost: Any = lost, won: Any = won, n: int = items) -> np.ndarray:
                z = critical_value(level)
                return np.stack([-upper(won, lost, n, z), upper(lost, won, n, z)], axis=1)

            ours = rates(loss, bounds(flip_upper, TWO_SIDED), bounds(flip_upper, ONE_SIDED))
            plain = rates(loss, bounds(tango_upper, TWO_SIDED), bounds(tango_upper, ONE_SIDED))
            rows.append({"items": items, "psi": psi, "loss": loss, **ours, "tango_coverage": plain["coverage"]})
    return rows


def _weighed(losses: np.ndarray, truth: float, index: np.ndarray, make: Any) -> Row:
    found = [weigh(make(loss, index)) for loss in losses]
    return rates(truth, [one.two_sided for one in found], [one.one_sided for one in found])


def binary_clustered(draws: int) -> list[Row]:
    """The same with five items to a passage; beside it, what is covered when passages are ignored."""
    rows = []
    for items in SIZES:
        for psi, loss in ((0.05, 0.0), (0.10, 0.03), (0.30, 0.03)):
            found = flips(np.random.default_rng(items), draws, items, psi, loss, SHARED)
            lost, won, z = (found > 0).sum(axis=1), (found < 0).sum(axis=1), critical_value(TWO_SIDED)
            naive = (-flip_upper(won, lost, items, z) <= loss) & (flip_upper(lost, won, items, z) >= loss)
            ours = _weighed(found, loss, index_of(items, True), pair_of_flips)
            rows.append(
                {"items": items, "psi": psi, "loss": loss, **ours, "ignoring_passages": 100 * float(naive.mean())}
            )
    return rows


def continuous(draws: int) -> list[Row]:
    """One probe of scores between 0 and 1, alone and five to a passage."""
    rows = []
    for clustered in (False, True):
        for kind in ("even", "skewed"):
            for items in SIZES:
                rng = np.random.default_rng(items)
                found = scores(rng, draws, items, 0.03, kind, SHARED if clustered else 0.0)
                ours = _weighed(found, 0.03, index_of(items, clustered), pair_of_scores)
                rows.append({"scores": kind, "passages": clustered, "items": items, **ours})
    return rows


def percent(draws: int) -> list[Row]:
    """Bits per byte: a loss in percent of the base's mean."""
    rows = []
    for items in SIZES[:3]:
        rng = np.random.default_rng(items)
        before = rng.uniform(0.6, 1.4, (draws, items))
        after = before * (1.02 + 0.05 * rng.standard_normal((draws, items)))
        alone = index_of(items, False)
        pairs = (Paired(b, a, alone, False, False, 0, frozenset()) for b, a in zip(before, after, strict=True))
        found = [weigh(pair) for pair in pairs]
        two, one = [x.two_sided for x in found], [x.one_sided for x in found]
        rows.append({"items": items, **rates(0.02, two, one)})
    return rows


def pooled(draws: int) -> list[Row]:
    """The mean over eight probes, independent items."""
    rows = []
    for items in SIZES:
        for psi, loss in ((0.02, 0.0), (0.05, 0.01), (0.10, 0.0), (0.10, 0.03), (0.30, 0.03)):
            rng = np.random.default_rng(items)
            found = np.stack([flips(rng, draws, items, psi, loss) for _ in range(8)], axis=1)
            lost, won = (found > 0).sum(axis=2), (found < 0).sum(axis=2)
            strata = Strata(lost, won, np.full(lost.shape, items))
            levels = (TWO_SIDED, ONE_SIDED)
            two, one = (np.stack(score_bounds(strata, critical_value(level)), axis=1) for level in levels)
            rows.append({"probes": 8, "items": items, "psi": psi, "loss": loss, **rates(loss, two, one)})
    return rows


def pooled_clustered(draws: int) -> list[Row]:
    """The same with five items to a passage: ``weigh`` and ``pool`` as a comparison calls them."""
    rows = []
    for items in (100,):
        rng, index = np.random.default_rng(items), index_of(items, True)
        two, one = [], []
        for _ in range(draws):
            found = flips(rng, 8, items, 0.10, 0.01, SHARED)
            mean = pool([weigh(pair_of_flips(loss, index)) for loss in found])
            two.append(mean.two_sided)
            one.append(mean.one_sided)
        rows.append({"probes": 8, "items": items, "psi": 0.10, "loss": 0.01, **rates(0.01, two, one)})
    return rows


def seeds(draws: int) -> list[Row]:
    """The mean over seeds: Student's t as reported, and the hierarchical bootstrap."""
    rows = []
    for runs in (3, 5, 10):
        for spread in (0.0, 0.02, 0.06):
            rng = np.random.default_rng(runs)
            two, one, boot = [], [], []
            for _ in range(draws):
                found = over_seeds(_seed_runs(rng, runs, 200, 0.3, 0.03, spread), draws=500)
                two.append((-found.high, -found.low))
                one.append((found.loss_low, found.loss_high))
                boot.append((-found.bootstrap_high, -found.bootstrap_low))
            held = rates(3.0, two, one)
            width = float(np.mean([high - low for low, high in two]))
            row = {"seeds": runs, "between_seeds": 100 * spread, "items": 200, **held}
            rows.append(row | {"bootstrap_coverage": rates(3.0, boot, boot)["coverage"], "width": width})
    return rows


def _seed_runs(
    rng: np.random.Generator, runs: int, items: int, psi: float, loss: float, spread: float
) -> list[tuple[Measurement, Measurement]]:
    """Runs on the same items, whose flips correlate by one half between seeds; each seed has its own true loss."""
    item = rng.standard_normal(items)
    made = []
    for true in rng.normal(loss, spread, runs):
        u = _normal_cdf(np.sqrt(0.5) * item + np.sqrt(0.5) * rng.standard_normal(items))
        found = (u < (psi + true) / 2) * 1.0 - (u > 1 - (psi - true) / 2) * 1.0
        made.append((measurement((found > 0) * 1.0), measurement((found < 0) * 1.0)))
    return made


def _normal_cdf(values: np.ndarray) -> np.ndarray:
    from scipy import special

    return np.asarray(special.ndtr(values))


def gains(draws: int) -> list[Row]:
    """Retained gain: base 10%, plain fine-tune 70%, ours 95% of its gain; bootstrap and Fieller."""
    rows = []
    for items, base, plain in ((50, 0.1, 0.7), (100, 0.1, 0.7), (200, 0.1, 0.7), (500, 0.1, 0.7), (200, 0.5, 0.65)):
        truth = 0.95
        ours = base + truth * (plain - base)
        rng = np.random.default_rng(items)
        two, one, fieller, refused = [], [], [], 0
        for _ in range(draws):
            # One normal number of difficulty for each item: the three scores correlate, their means are exact.
            difficulty = np.sqrt(0.6) * rng.standard_normal(items)
            noise = np.sqrt(0.4) * rng.standard_normal((3, items))
            right = _normal_cdf(difficulty + noise) < np.array([[base], [plain], [ours]])
            made = [measurement(scores * 1.0) for scores in right]
            found = retained_gain(*made)
            if found.reason is not None or found.fieller_low is None:
                refused += 1
                continue
            two.append((found.low, found.high))
            one.append((found.at_least, np.inf))
            fieller.append((found.fieller_low, found.fieller_high))
        held = rates(truth, two, one)
        row = {"items": items, "base": base, "plain": plain, "coverage": held["coverage"]}
        row |= {"lower_misses": held["lower_misses"], "fieller_coverage": rates(truth, fieller, fieller)["coverage"]}
        width = float(np.median([high - low for low, high in two]))
        rows.append(row | {"median_width": width, "refused": 100 * refused / draws})
    return rows
