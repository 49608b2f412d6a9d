"""How a symptom is judged: the change against the base, its interval, and a threshold."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from retain.comparison.bootstrap import LEAST_CLUSTERS, cluster_bootstrap
from retain.comparison.clusters import Index, cluster_variance, count_clusters
from retain.comparison.intervals import Bounds, Floats, paired_t
from retain.comparison.paired import Paired, weigh


@dataclass(frozen=True)
class Shift:
    """A number before and after, in points of 100, and the two-sided 95% interval of its change."""

    before: float
    after: float
    low: float
    high: float
    items: int

    @property
    def change(self) -> float:
        """After minus before."""
        return self.after - self.before

    def reaches(self, threshold: float) -> bool | None:
        """Whether the change is a symptom; a negative threshold asks for a fall.

        True where it is clear of 0 and its estimate reaches the threshold, False where even the end of the interval
        does not reach it, None in between: these items cannot tell. So at no change at all at most 2.5% are called
        found, and a change as large as the threshold is called not found in at most 2.5%.
        """
        sign = math.copysign(1.0, threshold)
        least, most = sorted((sign * self.low, sign * self.high))
        if least > 0 and sign * self.change >= abs(threshold):
            return True
        return False if most < abs(threshold) else None

    def in_words(self) -> str:
        """``0.2 of 100 before, 79.6 after (+79.4, 95% interval +76.0 to +82.4; 560 answers)``."""
        interval = f"{self.change:+.1f}, 95% interval {self.low:+.1f} to {self.high:+.1f}"
        return f"{self.before:.1f} of 100 before, {self.after:.1f} after ({interval}; {self.items:,} answers)"


def rise(before: ArrayLike, after: ArrayLike, index: Index) -> Shift:
    """The change of a share of answers, or of a mean of shares, item by item.

    Flip bounds or a bootstrap, with the design effect of clusters: as ``comparison.paired`` weighs a loss.

    Args:
        before: (n,) what each of the base's answers shows: True or False, or a share of 1.
        after: (n,) the same of the tuned model's.
        index: (n,) cluster number of each item.
    """
    paired = Paired(
        before=np.asarray(before, dtype=float),
        after=np.asarray(after, dtype=float),
        index=index,
        higher_is_better=False,
        share=True,
        unpaired=0,
        ids=frozenset(),
    )
    low, high = weigh(paired).two_sided
    return Shift(
        100 * float(paired.before.mean()),
        100 * float(paired.after.mean()),
        _plain(100 * low),
        _plain(100 * high),
        paired.before.size,
    )


def mean_bounds(differences: Floats, index: Index) -> Bounds:
    """Two-sided 95% interval of a mean difference in any unit; Student's t below 30 clusters, else the bootstrap."""
    clusters = count_clusters(index)
    if clusters >= LEAST_CLUSTERS:
        return cluster_bootstrap(differences, np.ones(differences.size), index)[0]
    mean = float(differences.mean())
    return paired_t(mean, math.sqrt(cluster_variance(differences - mean, index)), clusters - 1)


def difference(first: Shift, second: Shift) -> Shift:
    """How much more one group of items changed than another that shares no item with it.

    Before and after are what the first group has more than the second. Interval: MOVER, each end from the ends of
    both changes (Zou and Donner 2008, Statistics in Medicine 27, 1693-1702), which needs no normal distribution.
    """
    change = first.change - second.change
    low = change - math.hypot(first.change - first.low, second.high - second.change)
    high = change + math.hypot(first.high - first.change, second.change - second.low)
    before, after = first.before - second.before, first.after - second.after
    return Shift(before, after, low, high, first.items + second.items)


def most_in(capabilities: Sequence[str], before: ArrayLike, after: ArrayLike) -> str:
    """The capability whose share rose most, as the end of a sentence: ``, most in reading (0 to 96)``."""
    names = np.asarray(capabilities)
    old, new = np.asarray(before, dtype=float), np.asarray(after, dtype=float)
    shares = {
        name: (100 * float(old[names == name].mean()), 100 * float(new[names == name].mean()))
        for name in dict.fromkeys(capabilities)
    }
    worst = max(shares, key=lambda name: shares[name][1] - shares[name][0])
    return f", most in {worst} ({shares[worst][0]:.0f} to {shares[worst][1]:.0f})"


def _plain(value: float) -> float:
    """Without the negative zero."""
    return value + 0.0
