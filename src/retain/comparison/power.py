"""How many items would decide it, and how small a loss these items can show (one-sided 5%, power 80%)."""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

from retain.comparison.intervals import tango_variance
from retain.errors import UserError
from retain.records import Change

FACTOR = float((stats.norm.ppf(0.95) + stats.norm.ppf(0.80)) ** 2)
"""(z.95 + z.80)^2 = 6.18."""
_Z_LEVEL, _Z_POWER = float(stats.norm.ppf(0.95)), float(stats.norm.ppf(0.80))
FEWEST_FLIPS = 3.0
"""With no flips in n items, up to about 3/n of them may flip (95%, the rule of three)."""
_NEAREST = 0.1
"""An estimate closer to the margin than a tenth of it is planned as if it were a tenth away."""


def items_needed(variance: float, margin: float, loss: float = 0.0) -> int:
    """Items that prove a loss below ``margin`` with 80% power: 6.18 * variance / (margin - loss)^2.

    Args:
        variance: of the paired differences, in the square of the margin's unit; psi for binary scores in
            shares (psi = share of flipped verdicts), psi * 100^2 in points.
        margin: the largest loss accepted.
        loss: the true loss that is planned for; 0 by default.

    Returns:
        At least 1. At psi 5%: 344 items for 3 points, 3,092 for 1 point.

    Raises:
        UserError: the variance is negative or not finite, or the loss equals the margin (no number would do).
    """
    if not math.isfinite(variance) or variance < 0:
        raise UserError(f"A variance is a number from 0, not {variance}.")
    if margin == loss:
        raise UserError("No number of items tells a loss apart from a margin that equals it.")
    return max(1, math.ceil(FACTOR * variance / (margin - loss) ** 2 - 1e-9))


def items_needed_for_flips(psi: float, margin: float, loss: float = 0.0) -> int:
    """Items that prove a loss of right and wrong answers below ``margin`` with 80% power.

    (z.95 * sqrt(v0) + z.80 * sqrt(v1))^2 / (margin - loss)^2, v1 = psi - loss^2 the variance as it is and v0
    that at a loss equal to the margin, which the score bound takes. Where flips are rarer than the margin, v0
    is much the larger: at psi 5% it takes 400 items for 3 points where ``items_needed`` says 344 (and has 73%
    power), at psi 2% 225 for 138 (54%).

    Args:
        psi: share of flipped items.
        margin: the largest loss accepted, as a share above 0.
        loss: the true loss that is planned for, as a share; |loss| is at most psi.

    Raises:
        UserError: psi is no share, smaller than the loss, or the margin is not above 0 or equals the loss.

    Source: Tango (1998), Statistics in Medicine 17, 891-908; Nam (1997), Biometrics 53, 1422-1430.
    Relations: ``items_needed`` for other scores.
    """
    if not abs(loss) <= psi <= 1:
        raise UserError(f"A share of flipped items lies between the loss ({loss}) and 1, not {psi}.")
    if not 0 < margin < 1 or margin == loss:
        raise UserError(f"A margin for planning lies between 0 and 1 and is not the loss ({loss}): {margin}.")
    lost, won = np.array((psi + loss) / 2), np.array((psi - loss) / 2)
    at_margin = float(tango_variance(np.array(margin), lost, won, np.array(1.0)))
    spread = _Z_LEVEL * math.sqrt(at_margin) + _Z_POWER * math.sqrt(max(psi - loss**2, 0.0))
    return max(1, math.ceil((spread / (margin - loss)) ** 2 - 1e-9))


def detectable(variance: float, items: float) -> float:
    """The smallest loss that ``items`` items detect with 80% power: sqrt(6.18 * variance / items).

    Args:
        variance: of the paired differences, in (unit)^2.
        items: paired items (effective).

    Returns:
        In the unit of the differences; infinite without items.

    Raises:
        UserError: the variance is negative or not a number.
    """
    if math.isnan(variance) or variance < 0:
        raise UserError(f"A variance is a number from 0, not {variance}.")
    return math.sqrt(FACTOR * variance / items) if items > 0 else math.inf


def planning_variance(change: Change) -> float:
    """The variance to plan with: the observed one, for shares at least that of 3 flips among these items.

    Few or no observed flips do not show that flips are rare: psi is taken as at least 3 / effective items,
    its upper 95% bound when none was seen. So neither ``items_to_decide`` nor ``smallest_detectable`` is ever
    0.
    """
    if change.unit == "percent":
        return change.variance
    items = max(change.effective_items, 1e-9)
    return max(change.variance, 100.0**2 * min(1.0, FEWEST_FLIPS / items))


def smallest_detectable(change: Change) -> float:
    """The smallest loss that this change's items detect with 80% power, in its unit."""
    return detectable(planning_variance(change), change.effective_items)


def items_to_decide(change: Change, margin: float, planned: float = 0.0) -> int | None:
    """Items (all, not additional) that would decide an inconclusive change, with 80% power.

    Planned at a loss of ``planned`` (zero). Where that many items are already there, the loss is evidently
    not zero, and the number is planned at the estimated loss instead, kept at least a tenth of the margin (or
    0.1) away from it. Right and wrong answers are planned with ``items_needed_for_flips``. Clusters: the number
    is multiplied by the design effect, items / effective items.

    Returns:
        More than the items there are; None where the variance is not known (a single cluster).
    """
    variance = planning_variance(change)
    if not math.isfinite(variance) or change.effective_items <= 0:
        return None
    inflation = change.items / change.effective_items
    needed = _planned(change, variance, inflation, margin, planned)
    if needed > change.items:
        return needed
    distance = max(abs(margin + change.delta), _NEAREST * abs(margin), _NEAREST)
    return max(items_needed(variance * inflation, distance), change.items + 1)


def _planned(change: Change, variance: float, inflation: float, margin: float, planned: float) -> int:
    """Items planned at a loss of ``planned``, in the change's unit; 0 where that is the margin."""
    if margin == planned:
        return 0
    psi, loss = min(1.0, variance / 100**2), planned / 100
    if change.binary and change.unit == "points" and 0 < margin < 100 and abs(loss) <= psi:
        return math.ceil(items_needed_for_flips(psi, margin / 100, loss) * inflation)
    return items_needed(variance * inflation, margin, planned)
