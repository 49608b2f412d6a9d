"""How often the bounds miss: the simulations behind the tests and docs/decisions/pooled-loss.md.

All numbers of that page: PYTHONPATH=src python -m tests.comparison.simulation
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retain.comparison.intervals import ONE_SIDED, critical_value, flip_bounds, tango_upper
from retain.comparison.paired import Paired, weigh
from retain.comparison.pooled import Strata, score_bounds

Z = critical_value(ONE_SIDED)


@dataclass(frozen=True)
class Suite:
    """Independent probes: items, the share of items that flip, and the true loss, one each."""

    name: str
    items: tuple[int, ...]
    psi: tuple[float, ...]
    loss: tuple[float, ...]

    @property
    def pooled_loss(self) -> float:
        return float(np.mean(self.loss))

    def draw(self, runs: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(runs, k) items lost, items won, items."""
        rng = np.random.default_rng(seed)
        items, psi, loss = (np.array(x) for x in (self.items, self.psi, self.loss))
        flips = rng.binomial(items, psi, size=(runs, items.size))
        share_lost = np.divide(psi + loss, 2 * psi, out=np.full(psi.shape, 0.5), where=psi > 0)
        lost = rng.binomial(flips, share_lost)
        return (
            lost.astype(float),
            (flips - lost).astype(float),
            np.broadcast_to(items, flips.shape).astype(float),
        )


def even(k: int, items: int, psi: float, loss: float) -> Suite:
    return Suite(f"{k} probes of {items}, psi {psi:g}, loss {loss:g}", (items,) * k, (psi,) * k, (loss,) * k)


def one_small(psi: float, loss: float, small: int = 40, large: int = 400, k: int = 8) -> Suite:
    """Only the smallest probe flips."""
    rest = (0.0,) * (k - 1)
    name = f"1 probe of {small} flips (psi {psi:g}, loss {loss:g}), {k - 1} of {large} do not"
    return Suite(name, (small,) + (large,) * (k - 1), (psi, *rest), (loss, *rest))


def score(lost: np.ndarray, won: np.ndarray, items: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ours: bounds of the pooled loss."""
    return score_bounds(Strata(lost, won, items), Z)


def wald(lost: np.ndarray, won: np.ndarray, items: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The plain one: normal, with the observed variances."""
    loss = (lost - won) / items
    error = np.sqrt((((lost + won) / items - loss**2) / items).sum(axis=-1)) / items.shape[-1]
    return loss.mean(axis=-1) - Z * error, loss.mean(axis=-1) + Z * error


def mover(lost: np.ndarray, won: np.ndarray, items: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each probe's own Tango bounds, their distances added in squares (Zou and Donner 2008)."""
    loss = (lost - won) / items
    above = tango_upper(lost, won, items, Z) - loss
    below = tango_upper(won, lost, items, Z) + loss
    k = items.shape[-1]
    mean = loss.mean(axis=-1)
    return mean - np.sqrt((below**2).sum(axis=-1)) / k, mean + np.sqrt((above**2).sum(axis=-1)) / k


def false_retained(suite: Suite, runs: int, seed: int = 0, bounds=score) -> float:
    """How often the upper bound lies below the true loss (the margin equal to it would be met in error)."""
    _, high = bounds(*suite.draw(runs, seed))
    return float((high < suite.pooled_loss - 1e-12).mean())


def false_forgot(suite: Suite, margin: float, runs: int, seed: int = 0, bounds=score) -> float:
    """How often the lower bound lies above the margin."""
    low, _ = bounds(*suite.draw(runs, seed))
    return float((low > margin).mean())


def retained(suite: Suite, margin: float, runs: int, seed: int = 0, bounds=score) -> float:
    """How often the upper bound lies below the margin: the power, where the true loss is smaller."""
    _, high = bounds(*suite.draw(runs, seed))
    return float((high < margin).mean())


def as_pair(loss: np.ndarray, index: np.ndarray) -> Paired:
    """Scores of 0 and 1 with these differences."""
    return Paired((loss > 0) * 1.0, (loss < 0) * 1.0, index, True, True, 0, frozenset())


def clustered_flips(rng, clusters: int, size: int, psi: float, loss: float, shared: float) -> np.ndarray:
    """Items that follow their cluster's common flip with probability ``shared``."""

    def draw(n):
        u = rng.random(n)
        return np.where(u < (psi + loss) / 2, 1.0, np.where(u < psi, -1.0, 0.0))

    common, own = np.repeat(draw(clusters), size), draw(clusters * size)
    return np.where(rng.random(own.size) < shared, common, own)


def clustered_misses(
    clusters: int, size: int, psi: float, shared: float, runs: int, loss: float = 0.03, seed: int = 3
) -> tuple[float, float, float]:
    """How often the upper bound lies below the true loss, ours and without clusters; mean effective items."""
    rng = np.random.default_rng(seed)
    index = np.repeat(np.arange(clusters), size)
    ours = naive = items = 0.0
    for _ in range(runs):
        found = clustered_flips(rng, clusters, size, psi, loss, shared)
        evidence = weigh(as_pair(found, index))
        ours += evidence.one_sided.high < loss - 1e-12
        items += evidence.items
        naive += flip_bounds((found > 0).sum(), (found < 0).sum(), found.size, ONE_SIDED).high < loss
    return ours / runs, naive / runs, items / runs


AT_MARGIN = [
    even(8, 100, 0.10, 0.01),
    even(8, 100, 0.05, 0.01),
    even(8, 100, 0.02, 0.01),
    even(8, 100, 0.01, 0.01),
    even(8, 300, 0.05, 0.01),
    even(8, 300, 0.01, 0.01),
    even(8, 300, 0.002, 0.002),
    even(8, 30, 0.02, 0.01),
    even(3, 100, 0.01, 0.01),
    even(2, 344, 0.05, 0.03),
    Suite(
        "8 probes of 20 to 400, psi 5%, loss 1",
        (20, 50, 100, 100, 200, 200, 300, 400),
        (0.05,) * 8,
        (0.01,) * 8,
    ),
    Suite(
        "8 probes of 20 to 400, psi 1%, loss 1",
        (20, 50, 100, 100, 200, 200, 300, 400),
        (0.01,) * 8,
        (0.01,) * 8,
    ),
    one_small(0.08, 0.08),
    one_small(0.10, 0.06),
    one_small(0.30, 0.08),
    one_small(0.16, 0.16, small=20),
    Suite(
        "one capability loses 8 points, seven none, 300 each, psi 5% or 10%",
        (300,) * 8,
        (0.10,) + (0.05,) * 7,
        (0.08,) + (0.0,) * 7,
    ),
    Suite(
        "two lose 14, six win 3.3 points, 200 each",
        (200,) * 8,
        (0.16,) * 2 + (0.06,) * 6,
        (0.14,) * 2 + (-1 / 30,) * 6,
    ),
]


def main(runs: int = 10_000) -> None:
    print("False 'retained' at a margin equal to the true pooled loss (nominal 5%)")
    for suite in AT_MARGIN:
        rates = [false_retained(suite, runs, bounds=method) for method in (score, wald, mover)]
        print(f"{suite.name:75s} score {rates[0]:.3f}  wald {rates[1]:.3f}  mover {rates[2]:.3f}", flush=True)
    print("Power at zero loss, mean margin 1 point; false 'forgot' of the pooled loss at zero loss")
    for items, psi in (
        (100, 0.02),
        (100, 0.05),
        (300, 0.02),
        (300, 0.05),
        (387, 0.05),
        (773, 0.10),
        (40, 0.0),
        (50, 0.0),
    ):
        suite = even(8, items, psi, 0.0)
        rates = [retained(suite, 0.01, runs, bounds=method) for method in (score, wald, mover)]
        print(f"{suite.name:40s} score {rates[0]:.3f}  wald {rates[1]:.3f}  mover {rates[2]:.3f}  ", end="")
        print(f"forgot {false_forgot(suite, 0.01, runs):.3f}", flush=True)
    print("False 'retained' of one clustered probe at a margin equal to the true loss of 3 points")
    for clusters, size, psi, shared in CLUSTERED:
        ours, naive, items = clustered_misses(clusters, size, psi, shared, runs // 5)
        name = f"{clusters} clusters of {size}, psi {psi:g}, {shared:.0%} follow their cluster"
        print(f"{name:60s} ours {ours:.3f}  naive {naive:.3f}  effective items {items:.0f}", flush=True)


CLUSTERED = [
    (50, 10, 0.05, 0.0),
    (50, 10, 0.05, 0.7),
    (100, 10, 0.05, 0.7),
    (100, 10, 0.05, 1.0),
    (100, 10, 0.10, 0.45),
    (60, 8, 0.10, 0.7),
    (200, 4, 0.03, 0.7),
    (20, 20, 0.10, 0.55),
    (12, 30, 0.20, 0.3),
]


if __name__ == "__main__":
    main()
