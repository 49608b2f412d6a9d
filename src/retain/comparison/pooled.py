"""The pooled loss: the mean over probes, and a bound on it that holds when flips are rare.

Why and how well it covers: docs/decisions/pooled-loss.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from retain.comparison.intervals import (
    CONTINUITY,
    ONE_SIDED,
    TWO_SIDED,
    Bounds,
    Floats,
    critical_value,
    exact_lower,
    exact_upper,
    small_sample_factor,
)
from retain.comparison.paired import Evidence

_OUTER, _INNER = 50, 46


class Strata:
    """Probes as arrays: flips (lost, won, items) and means (estimate, variance of the mean). Shape (..., k).

    Rows before the last axis are independent suites, so that a simulation bounds thousands at once.
    """

    def __init__(
        self,
        lost: Floats,
        won: Floats,
        items: Floats,
        means: Floats | None = None,
        errors: Floats | None = None,
        groups: Sequence[int] | None = None,
    ) -> None:
        self.lost, self.won, self.items = (np.asarray(x, dtype=float) for x in (lost, won, items))
        rows = self.lost.shape[:-1]
        self.means = np.zeros((*rows, 0)) if means is None else np.asarray(means, dtype=float)
        self.errors = np.zeros((*rows, 0)) if errors is None else np.asarray(errors, dtype=float)
        self.count = self.lost.shape[-1] + self.means.shape[-1]
        self.groups = np.arange(self.count) if groups is None else np.asarray(groups)

    @property
    def estimate(self) -> Floats:
        """(...,) the mean loss over probes."""
        flips = (self.lost - self.won) / self.items
        return np.asarray((flips.sum(axis=-1) + self.means.sum(axis=-1)) / self.count, dtype=float)

    @property
    def continuity(self) -> Floats:
        """(...,) ``CONTINUITY`` times one item of the smallest probe; 0 where nothing was won (see ``flip_bounds``)."""
        if not self.items.shape[-1]:
            return np.zeros(self.items.shape[:-1])
        step = CONTINUITY / self.items.min(axis=-1) / self.count
        return np.asarray(np.where(self.won.sum(axis=-1) > 0, step, 0.0), dtype=float)

    def mirrored(self) -> Strata:
        """The same with losses and wins exchanged: its upper bound is minus the lower bound."""
        return Strata(self.won, self.lost, self.items, -self.means, self.errors, list(self.groups))

    def repeated(self, times: int) -> Strata:
        """The same suite ``times`` times, (times, ..., k), for as many bounds at once."""
        return Strata(*(np.stack([part] * times) for part in self._parts()), list(self.groups))

    def both_ways(self) -> Strata:
        """(2, ..., k): mirrored, and as it is."""
        pairs = zip(self.mirrored()._parts(), self._parts(), strict=True)
        return Strata(*(np.stack(pair) for pair in pairs), list(self.groups))

    def _parts(self) -> tuple[Floats, ...]:
        return self.lost, self.won, self.items, self.means, self.errors

    def tilted(self, pull: Floats) -> tuple[Floats, Floats]:
        """The mean loss and the variance of its estimate at the constrained maximum likelihood.

        Variances of flips are multiplied by n/(n - 1).
        Among all flip probabilities with the same mean loss, those that make the data most likely, found by
        the multiplier ``pull`` (...,) >= 0 of that constraint: 0 gives the estimate, more gives larger
        losses.
        """
        lost, won = _most_likely(self.lost, self.won, self.items, pull[..., None])
        flips_loss = lost - won
        flips_variance = np.maximum(lost + won - flips_loss**2, 0) / self.items
        flips_variance *= small_sample_factor(self.items)
        spread = self.errors**2
        losses = np.concatenate([flips_loss, self.means + pull[..., None] * spread], axis=-1)
        variances = np.concatenate([flips_variance, spread], axis=-1)
        return losses.mean(axis=-1), self.variance_of_mean(variances)

    def variance_of_mean(self, variances: Floats) -> Floats:
        """(...,) variance of the mean over probes from (..., k) variances of each.

        Probes that share items may be wrong together: inside a group errors add up, between groups variances.
        """
        total = np.zeros(variances.shape[:-1])
        for group in np.unique(self.groups):
            total += np.sqrt(variances[..., self.groups == group]).sum(axis=-1) ** 2
        return np.asarray(total / self.count**2, dtype=float)


def _most_likely(lost: Floats, won: Floats, items: Floats, pull: Floats) -> tuple[Floats, Floats]:
    """Shares (lost, won) that maximise the multinomial likelihood plus ``pull`` * (share lost - share won).

    Stationary points have lost = L/(s - pull), won = W/(s + pull), kept = K/s with s so that they sum to 1.
    Where nothing was lost, s cannot fall below ``pull``: there the share lost takes what remains.
    """
    kept = np.maximum(items - lost - won, 0)
    # Their sum falls in s and is convex: Newton's steps from the left of the root never pass it.
    least = np.maximum(np.maximum(kept, won - pull), lost + pull)
    s = least
    for _ in range(_INNER):
        parts = _ratio(kept, s), _ratio(won, s + pull), _ratio(lost, s - pull)
        slope = _ratio(parts[0], s) + _ratio(parts[1], s + pull) + _ratio(parts[2], s - pull)
        step = (sum(parts) - 1) / np.maximum(slope, 1e-300)
        s = np.maximum(s + step, least)
        if (np.abs(step) <= 1e-13 * s).all():
            break
    share_won = _ratio(won, s + pull)
    return np.maximum(0, 1 - share_won - _ratio(kept, s)), share_won


def _ratio(top: Floats, bottom: Floats) -> Floats:
    return np.where(top > 0, top / np.maximum(bottom, 1e-300), 0.0)


def score_upper(strata: Strata, critical: float | Floats) -> tuple[Floats, Floats]:
    """Upper score bound of the mean loss: the largest d with (d - estimate) / sqrt(v(d)) <= ``critical``.

    v(d) is the variance of the estimate at the most likely flip probabilities whose mean loss is d
    (``tilted``). With one probe this is Tango's bound; without any flips v(d) is still above 0.

    Returns:
        (...,) the bound d as a share, and v(d).
    """
    estimate = strata.estimate + strata.continuity
    # The pull is searched as x/(1 - x) times the smallest number of items, x in (0, 1).
    unit = strata.items.min(axis=-1) if strata.items.shape[-1] else np.ones_like(estimate)
    low, high = np.zeros_like(estimate), np.ones_like(estimate)
    for _ in range(_OUTER):
        x = (low + high) / 2
        loss, variance = strata.tilted(unit * x / np.maximum(1 - x, 1e-15))
        beyond = loss - estimate > critical * np.sqrt(variance)
        low, high = np.where(beyond, low, x), np.where(beyond, x, high)
    return strata.tilted(unit * high / np.maximum(1 - high, 1e-15))


def score_bounds(strata: Strata, critical: float | Floats) -> tuple[Floats, Floats]:
    """Both score bounds of the mean loss, widened to exact binomial ones where all flips go one way.

    With no wins in any probe the pooled loss behaves as one proportion among N = d(1 - d)/v(d)
    items, and Clopper and Pearson's bound of estimate * N among N is taken where it is wider, as
    ``flip_bounds`` does for one probe.

    Args:
        strata: rows of (..., k).
        critical: one for all rows, or (...,) one a row.

    Returns:
        (...,) lower and (...,) upper bounds as shares.
    """
    minus_low, high = _widened_upper(strata.both_ways(), critical)
    return -minus_low, high


def _widened_upper(strata: Strata, critical: float | Floats) -> Floats:
    bound, variance = score_upper(strata, critical)
    tail = stats.norm.sf(critical)
    estimate = strata.estimate
    items = _as_one_proportion(bound, variance)
    exact = exact_upper(np.minimum(np.maximum(estimate, 0) * items, items), items, tail)
    inside = (estimate >= 0) & (bound > 0) & (bound < 1)
    bound = np.where(_none(strata.won) & inside, np.maximum(bound, exact), bound)
    won = -estimate
    _, variance = strata.tilted(np.zeros_like(estimate))
    items = _as_one_proportion(won, variance)
    exact = -exact_lower(np.clip(won, 1e-12, 1) * items, items, tail)
    inside = (won > 0) & (won < 1) & (variance > 0)
    return np.where(_none(strata.lost) & inside, np.maximum(bound, exact), bound)


def _none(counts: Floats) -> NDArray[np.bool_]:
    """(...,) whether no probe has any of these flips (false where no probe counts flips)."""
    rows = counts.shape[:-1]
    return np.asarray(counts.sum(axis=-1) == 0) if counts.shape[-1] else np.zeros(rows, dtype=bool)


def _as_one_proportion(share: Floats, variance: Floats) -> Floats:
    """Items among which one proportion of ``share`` would have this variance, itself times n/(n - 1)."""
    inside = np.clip(share, 1e-12, 1 - 1e-12)
    return np.asarray(inside * (1 - inside) / np.maximum(variance, 1e-300) + 1)


@dataclass(frozen=True)
class Pooled:
    """The mean loss over probes as a share, its bounds and its test."""

    estimate: float
    two_sided: Bounds
    one_sided: Bounds
    p_loss: float
    variance: float
    """Of the estimate."""


def pool(evidence: Sequence[Evidence]) -> Pooled:
    """The mean loss over probes, each with the same weight, with score bounds.

    Flips enter as counts, other scores as a normal mean with its error. Where errors come from few clusters
    the normal quantile gives way to Student's t with Welch and Satterthwaite's degrees of freedom. Probes
    that share items count as fully dependent.

    Args:
        evidence: one per probe, losses as shares; not empty.
    """
    flips = [e for e in evidence if e.flips is not None]
    means = [e for e in evidence if e.flips is None]
    ordered = flips + means
    pairs = [e.flips or (0.0, 0.0) for e in flips]
    strata = Strata(
        np.array([lost for lost, _ in pairs]),
        np.array([won for _, won in pairs]),
        np.array([e.items for e in flips]),
        np.array([e.estimate for e in means]),
        np.array([e.standard_error for e in means]),
        shared_groups([e.ids for e in ordered]),
    )
    variances = np.array([max(e.variance, 1 / e.items if e.flips else 0.0) / e.items for e in ordered])
    df = _welch(variances, np.array([e.df for e in ordered]))
    two, one = _bounds(strata, (TWO_SIDED, ONE_SIDED), df)
    variance = float(strata.variance_of_mean(np.array([e.variance / e.items for e in ordered])))
    return Pooled(float(strata.estimate), two, one, _p_loss(strata, df), variance)


def _bounds(strata: Strata, levels: Sequence[float], df: float) -> list[Bounds]:
    """One pair of bounds for each level."""
    if df <= 0:
        return [Bounds(-1.0, 1.0)] * len(levels)
    critical = np.array([critical_value(level, df) for level in levels])
    lows, highs = score_bounds(strata.repeated(len(levels)), critical)
    pairs = zip(lows.tolist(), highs.tolist(), strict=True)
    return [Bounds(max(low, -1.0), min(high, 1.0)) for low, high in pairs]


def _welch(variances: Floats, df: Floats) -> float:
    """Degrees of freedom of a sum of independent variance estimates (Welch 1947, Satterthwaite 1946)."""
    if (df <= 0).any():
        return 0.0
    finite = np.isfinite(df)
    below = float((variances[finite] ** 2 / df[finite]).sum())
    return float(variances.sum()) ** 2 / below if below > 0 else math.inf


def _p_loss(strata: Strata, df: float) -> float:
    """One-sided p-value of 'the mean loss is above zero': the score test at zero."""
    estimate = float(strata.estimate)
    if df <= 0 or estimate == 0:
        return 0.5
    toward = strata if estimate < 0 else strata.mirrored()
    unit = float(strata.items.min()) if strata.items.size else 1.0
    low, high = 0.0, 1.0
    for _ in range(_OUTER):
        x = (low + high) / 2
        loss, _ = toward.tilted(np.asarray(unit * x / max(1 - x, 1e-15)))
        low, high = (x, high) if loss < 0 else (low, x)
    _, variance = toward.tilted(np.asarray(unit * high / max(1 - high, 1e-15)))
    if variance <= 0:
        return float(estimate < 0)
    z = estimate / math.sqrt(float(variance))
    return float(stats.norm.sf(z) if math.isinf(df) else stats.t.sf(z, df))


def shared_groups(ids: Sequence[frozenset[str]]) -> list[int]:
    """Probes that share an item get the same number."""
    groups = list(range(len(ids)))
    for i, mine in enumerate(ids):
        for j in range(i):
            if groups[i] != groups[j] and not mine.isdisjoint(ids[j]):
                groups = [groups[j] if g == groups[i] else g for g in groups]
    return groups
