"""McNemar's test of paired flips: is the loss above zero? How large it is, only the interval says."""

from __future__ import annotations

import math

from scipy import special, stats

from retain.errors import UserError


def mcnemar_exact(lost: float, won: float) -> float:
    """One-sided exact p-value of 'the loss is above zero': P(X >= lost), X ~ Binomial(lost + won, 1/2).

    Never above its nominal level, and for it too cautious when flips are few. 1.0 without flips. Double it
    (at most 1) for the two-sided test. Counts may be fractions (effective counts): the tail is then the
    regularised incomplete beta function I_{1/2}(lost, won + 1), which equals the binomial tail at whole
    numbers.

    Source: McNemar (1947), Psychometrika 12, 153-157.

    Raises:
        UserError: a count is negative or not finite.
    """
    _check(lost, won)
    return _tail(lost, won + 1)


def mcnemar_midp(lost: float, won: float) -> float:
    """One-sided mid-p value: the exact tail with half the probability of the observed table.

    p = (P(X >= lost) + P(X > lost)) / 2. Less cautious than ``mcnemar_exact``; its size rarely exceeds the
    nominal level and then by little. 0.5 without flips: no evidence either way.

    Source: Fagerland, Lydersen and Laake (2013), BMC Medical Research Methodology 13:91.

    Raises:
        UserError: a count is negative or not finite.
    """
    _check(lost, won)
    if lost + won == 0:
        return 0.5
    return (_tail(lost, won + 1) + _tail(lost + 1, won)) / 2


def mcnemar_score(lost: float, won: float, df: float = math.inf) -> float:
    """One-sided p-value of z = (lost - won) / sqrt(lost + won), against Student's t where ``df`` is finite.

    For effective counts from few clusters, where the design effect is itself an estimate. 0.5 without flips.

    Raises:
        UserError: a count is negative or not finite.
    """
    _check(lost, won)
    if lost + won == 0:
        return 0.5
    z = (lost - won) / math.sqrt(lost + won)
    return float(stats.norm.sf(z) if math.isinf(df) else stats.t.sf(z, df))


def _tail(successes: float, failures: float) -> float:
    """P(X >= successes) among successes + failures - 1 fair coins."""
    if successes <= 0:
        return 1.0
    if failures <= 0:
        return 0.0
    return float(special.betainc(successes, failures, 0.5))


def _check(lost: float, won: float) -> None:
    if not (math.isfinite(lost) and math.isfinite(won)) or lost < 0 or won < 0:
        raise UserError(f"Flips are counted from 0: {lost} lost, {won} won.")
