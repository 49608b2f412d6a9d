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
CONTINUITY = 0.25
"""Items by which an estimate from flips is moved outwards before it is tested."""
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


def tango_upper(
    lost: ArrayLike,
    won: ArrayLike,
    items: ArrayLike,
    critical: float,
    continuity: ArrayLike = 0.0,
    small: bool = False,
) -> Floats:
    """Upper end of ``tango`` for arrays of tables (broadcast together), with the critical value given.

    The lower end is ``-tango_upper(won, lost, ...)``. Unchecked: for loops and simulations. ``continuity``
    moves the estimate by so many items before it is tested, ``small`` multiplies v(d) by n/(n - 1) (see
    ``flip_bounds``).
    """
    lost_, won_, n = (np.asarray(x, dtype=float) for x in np.broadcast_arrays(lost, won, items))
    estimate = (lost_ - won_) / n
    moved = estimate + np.asarray(continuity) / n
    factor = small_sample_factor(n) if small else np.ones_like(n)
    inside, outside = estimate.copy(), np.ones_like(estimate)
    for _ in range(_STEPS):
        d = (inside + outside) / 2
        error = np.sqrt(factor * tango_variance(d, lost_, won_, n))
        beyond = d - moved > critical * error
        outside = np.where(beyond, d, outside)
        inside = np.where(beyond, inside, d)
    return np.asarray(outside, dtype=float)


def small_sample_factor(items: Floats) -> Floats:
    """n/(n - 1), at most 2."""
    return np.asarray(items / np.maximum(items - 1, items / 2), dtype=float)


def tango_variance(loss: Floats, lost: Floats, won: Floats, items: Floats) -> Floats:
    """Variance of the estimated loss if the true one were ``loss``, at the constrained maximum likelihood."""
    b = -lost - won + (2 * items - lost + won) * loss
    q = (np.sqrt(np.maximum(b * b + 8 * items * won * loss * (1 - loss), 0)) - b) / (4 * items)
    return np.asarray(np.maximum(2 * q + loss * (1 - loss), 0) / items, dtype=float)


def flip_bounds(lost: float, won: float, items: float, level: float = TWO_SIDED, df: float = math.inf) -> Bounds:
    """Bounds of the loss from flips that hold their level: Tango's with small corrections.

    Where items flipped both ways, v(d) is multiplied by n/(n - 1) and the estimate is moved outwards by a
    quarter of an item. Where nothing was won, the loss is a single proportion lost / items, and Clopper and
    Pearson's exact bound is taken when it is wider; likewise where nothing was lost. With no flips at all the
    one-sided 95% bound is therefore about 3 / items (the rule of three): 13.9% for 20 items.

    Tango's own bound lets a loss equal to a margin of 3 points pass with a probability of up to 6.9%, this
    one with at most 5.0% (exact enumeration over 20 to 400 items, margins of 0.5 to 10 points, psi up to 30%).

    Source: Tango (1998); Clopper and Pearson (1934), Biometrika 26, 404-413; n/(n - 1) as Laud (R package
    ratesci).

    Args, Raises: as ``tango``. This is what a comparison uses; ``tango`` is the published interval.
    """
    _check_counts(lost, won, items)
    z = critical_value(level, df)
    return Bounds(-float(flip_upper(won, lost, items, z)), float(flip_upper(lost, won, items, z)))


def flip_upper(lost: ArrayLike, won: ArrayLike, items: ArrayLike, critical: float) -> Floats:
    """Upper end of ``flip_bounds`` for arrays of tables, unchecked; the lower is -flip_upper(won, lost)."""
    lost_, won_, n = (np.asarray(x, dtype=float) for x in np.broadcast_arrays(lost, won, items))
    high = tango_upper(lost_, won_, n, critical, np.where(won_ > 0, CONTINUITY, 0.0), small=True)
    tail = float(stats.norm.sf(critical))
    only_lost = np.where(won_ == 0, exact_upper(lost_, n, tail), -1.0)
    only_won = np.where((lost_ == 0) & (won_ > 0), -exact_lower(won_, n, tail), -1.0)
    return np.asarray(np.maximum(high, np.maximum(only_lost, only_won)), dtype=float)


def exact_upper(count: Floats, items: Floats, tail: float | Floats) -> Floats:
    """Clopper and Pearson's upper bound of count / items; counts may be fractions."""
    inside = np.maximum(items - count, 1e-9)
    return np.asarray(np.where(count >= items, 1.0, stats.beta.isf(tail, count + 1, inside)), dtype=float)


def exact_lower(count: Floats, items: Floats, tail: float | Floats) -> Floats:
    """Clopper and Pearson's lower bound of count / items; counts may be fractions."""
    some = np.maximum(count, 1e-9)
    return np.asarray(np.where(count <= 0, 0.0, stats.beta.ppf(tail, some, items - some + 1)), dtype=float)


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


def skewed_t(mean: float, standard_error: float, third: float, df: float, level: float = TWO_SIDED) -> Bounds:
    """``paired_t`` with its end on the long side of skewed scores moved out by Johnson's term.

    That term is third * (1 + 2 t^2) / (6 SE^2): one capability in five that collapses is rare among 20 items,
    and a symmetric interval of the loss then ends too early. The other end stays (Johnson would move it
    inwards).

    Source: Johnson (1978), Journal of the American Statistical Association 73, 536-544.

    Args:
        mean: mean paired difference.
        standard_error: of that mean.
        third: third central moment of the mean, sum over clusters (sum of residuals)^3 / n^3.
        df: clusters - 1.
        level: two-sided level.
    """
    low, high = paired_t(mean, standard_error, df, level)
    if df <= 0 or standard_error == 0:
        return Bounds(low, high)
    shift = third * (1 + 2 * critical_value(level, df) ** 2) / (6 * standard_error**2)
    return Bounds(low + min(shift, 0.0), high + max(shift, 0.0))


def _check_counts(first: float, second: float, items: float) -> None:
    if not (math.isfinite(first) and math.isfinite(second) and math.isfinite(items)):
        raise UserError(f"Counts must be finite: {first}, {second} of {items} items.")
    if items <= 0:
        raise UserError("There are no items to compare.")
    if first < 0 or second < 0 or first + second > items * (1 + 1e-9):
        raise UserError(f"Counts {first} and {second} do not fit into {items} items.")
