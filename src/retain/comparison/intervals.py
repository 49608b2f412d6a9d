"""Intervals for a paired difference: of two proportions (from flips) and of continuous scores (Student's t).

All bounds here are of the **loss** (positive = worse) as a share of 1: items right before and wrong after
(``lost``), minus items wrong before and right after (``won``), over all paired items. Counts may be
fractions: under clustering, pass the counts scaled by effective items / items. ``level`` is two-sided
throughout; the pair of one-sided 95% bounds is the two-sided interval at level 0.90.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from retain.errors import UserError

ONE_SIDED = 0.90
"""The two-sided level whose two ends are the one-sided 95% bounds."""
TWO_SIDED = 0.95
_STEPS = 55
"""Bisection steps: an interval of length 2 shrinks below 1e-16."""

Floats = NDArray[np.float64]


class Bounds(NamedTuple):
    """Lower and upper end of an interval."""

    low: float
    high: float


def critical_value(level: float = TWO_SIDED, df: float = math.inf) -> float:
    """Quantile of the normal (``df`` infinite) or Student's t that a two-sided interval at ``level`` uses.

    Raises:
        UserError: ``level`` is not between 0 and 1, or ``df`` is not positive.
    """
    if not 0 < level < 1:
        raise UserError(f"A confidence level lies between 0 and 1, not {level}.")
    if not df > 0:
        raise UserError(f"Degrees of freedom are positive, not {df}.")
    tail = (1 - level) / 2
    return float(stats.norm.isf(tail) if math.isinf(df) else stats.t.isf(tail, df))


def tango(lost: float, won: float, items: float, level: float = TWO_SIDED, df: float = math.inf) -> Bounds:
    """Tango's score interval of the loss (lost - won) / items.

    A value d belongs to the interval when |(lost - won)/items - d| <= z * sqrt(v(d)), where
    v(d) = (2q + d(1 - d)) / items and q is the maximum likelihood estimate of the share won given a loss of
    d: the larger root of 2n q^2 + (-lost - won + (2n - lost + won) d) q - won d (1 - d) = 0. With no flips at
    all the interval is +-z^2 / (items + z^2), never a point: no flips in 20 items leave losses up to 11.9%
    open (95%, one-sided).

    Source: Tango (1998), Statistics in Medicine 17, 891-908.

    Args:
        lost: items right before and wrong after; may be a fraction.
        won: items wrong before and right after; may be a fraction.
        items: paired items (the effective number under clustering).
        level: two-sided level; 0.90 for one-sided 95% bounds.
        df: finite where the effective number was estimated from few clusters (then clusters - 1).

    Raises:
        UserError: counts are negative, not finite, more than ``items``, or there are no items.

    Relations: ``flip_bounds`` is this, made exact where all flips go one way; ``newcombe`` is a cross-check;
    ``paired_t`` and ``bootstrap`` are for scores that are not 0 or 1.
    """
    _check_counts(lost, won, items)
    z = critical_value(level, df)
    high = float(tango_upper(lost, won, items, z))
    low = -float(tango_upper(won, lost, items, z))
    return Bounds(low, high)


def tango_upper(lost: ArrayLike, won: ArrayLike, items: ArrayLike, critical: float) -> Floats:
    """Upper end of ``tango`` for arrays of tables (broadcast together), with the critical value given.

    The lower end is ``-tango_upper(won, lost, ...)``. Unchecked: for loops and simulations.
    """
    lost_, won_, n = (np.asarray(x, dtype=float) for x in np.broadcast_arrays(lost, won, items))
    estimate = (lost_ - won_) / n
    inside, outside = estimate.copy(), np.ones_like(estimate)
    for _ in range(_STEPS):
        d = (inside + outside) / 2
        beyond = d - estimate > critical * np.sqrt(tango_variance(d, lost_, won_, n))
        outside = np.where(beyond, d, outside)
        inside = np.where(beyond, inside, d)
    return np.asarray(outside, dtype=float)


def tango_variance(loss: Floats, lost: Floats, won: Floats, items: Floats) -> Floats:
    """Variance of the estimated loss if the true one were ``loss``, at the constrained maximum likelihood."""
    b = -lost - won + (2 * items - lost + won) * loss
    q = (np.sqrt(np.maximum(b * b + 8 * items * won * loss * (1 - loss), 0)) - b) / (4 * items)
    return np.asarray(np.maximum(2 * q + loss * (1 - loss), 0) / items, dtype=float)


def flip_bounds(
    lost: float, won: float, items: float, level: float = TWO_SIDED, df: float = math.inf
) -> Bounds:
    """Bounds of the loss from flips: Tango's, widened to Clopper and Pearson's where all flips go one way.

    Where ``won`` is 0 the loss is a single proportion, lost / items, and a score bound is too short in the
    tail: at a true loss of 3 points without any wins, 90 items would be called retained 6.5% of the time
    instead of 5%. There the exact binomial bound is taken when it is wider (and likewise where ``lost`` is
    0). With no flips the one-sided 95% bound is then about 3 / items (the rule of three) instead of 2.7 /
    (items + 2.7).

    Source: Tango (1998); Clopper and Pearson (1934), Biometrika 26, 404-413.

    Args, Raises: as ``tango``. This is what a comparison uses; ``tango`` is the published interval itself.
    """
    low, high = tango(lost, won, items, level, df)
    tail = float(stats.norm.sf(critical_value(level, df)))
    if won == 0:
        exact = _exact(lost, items, tail)
        low, high = min(low, exact.low), max(high, exact.high)
    if lost == 0:
        exact = _exact(won, items, tail)
        low, high = min(low, -exact.high), max(high, -exact.low)
    return Bounds(low, high)


def newcombe(both: float, lost: float, won: float, neither: float, level: float = TWO_SIDED) -> Bounds:
    """Newcombe's hybrid score interval of the loss (his method 10): a cross-check of ``tango``.

    Combines the Wilson intervals (l, u) of the shares right before (p) and right after (r) with a continuity
    corrected correlation phi of the 2x2 table:
    low = D - sqrt((p - l_p)^2 - 2 phi (p - l_p)(u_r - r) + (u_r - r)^2), high likewise, D = p - r.

    Source: Newcombe (1998), Statistics in Medicine 17, 2635-2650.

    Args:
        both: items right before and after.
        lost: items right before and wrong after.
        won: items wrong before and right after.
        neither: items wrong before and after.
        level: two-sided level.

    Raises:
        UserError: counts are negative or not finite, or there are no items.
    """
    n = both + lost + won + neither
    _check_counts(lost, won, n)
    _check_counts(both, neither, n)
    p, r = (both + lost) / n, (both + won) / n
    p_low, p_high = wilson(both + lost, n, level)
    r_low, r_high = wilson(both + won, n, level)
    phi = _newcombe_phi(both, lost, won, neither)
    below = (p - p_low) ** 2 - 2 * phi * (p - p_low) * (r_high - r) + (r_high - r) ** 2
    above = (p_high - p) ** 2 - 2 * phi * (p_high - p) * (r - r_low) + (r - r_low) ** 2
    return Bounds(p - r - math.sqrt(max(below, 0.0)), p - r + math.sqrt(max(above, 0.0)))


def _newcombe_phi(both: float, lost: float, won: float, neither: float) -> float:
    margins = (both + lost) * (won + neither) * (both + won) * (lost + neither)
    if margins == 0:
        return 0.0
    cross = both * neither - lost * won
    if cross > 0:
        cross = max(cross - (both + lost + won + neither) / 2, 0.0)
    return cross / math.sqrt(margins)


def wilson(right: float, items: float, level: float = TWO_SIDED) -> Bounds:
    """Wilson's score interval of one proportion, right / items; ``right`` may be a fraction.

    Source: Wilson (1927), Journal of the American Statistical Association 22, 209-212.

    Raises:
        UserError: ``right`` is negative, not finite or above ``items``, or there are no items.
    """
    _check_counts(right, 0.0, items)
    z = critical_value(level)
    share = right / items
    middle = share + z * z / (2 * items)
    half = z * math.sqrt(share * (1 - share) / items + z * z / (4 * items * items))
    scale = 1 + z * z / items
    return Bounds(max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale))


def paired_t(mean: float, standard_error: float, df: float, level: float = TWO_SIDED) -> Bounds:
    """Student's t interval, mean +- t * SE: continuous scores with fewer than 30 clusters.

    Args:
        mean: mean paired difference, in any unit.
        standard_error: of that mean, cluster-robust where items share clusters.
        df: clusters - 1 (items - 1 without clusters).
        level: two-sided level.

    With a single cluster (``df`` 0) nothing is known and the interval is the whole line.
    From 30 clusters on, ``bootstrap`` also follows skewness.
    """
    if df <= 0:
        return Bounds(-math.inf, math.inf)
    half = critical_value(level, df) * standard_error
    return Bounds(mean - half, mean + half)


def _exact(count: float, items: float, tail: float) -> Bounds:
    """Clopper and Pearson's bounds of count / items with ``tail`` on each side; counts may be fractions."""
    low = 0.0 if count <= 0 else float(stats.beta.ppf(tail, count, items - count + 1))
    high = 1.0 if count >= items else float(stats.beta.isf(tail, count + 1, items - count))
    return Bounds(low, high)


def _check_counts(first: float, second: float, items: float) -> None:
    if not (math.isfinite(first) and math.isfinite(second) and math.isfinite(items)):
        raise UserError(f"Counts must be finite: {first}, {second} of {items} items.")
    if items <= 0:
        raise UserError("There are no items to compare.")
    if first < 0 or second < 0 or first + second > items * (1 + 1e-9):
        raise UserError(f"Counts {first} and {second} do not fit into {items} items.")
