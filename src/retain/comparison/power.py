"""How many items would decide it, and how small a loss these items can show (one-sided 5%, power 80%)."""

from __future__ import annotations

import math

from scipy import stats

from retain.errors import UserError
from retain.records import Change

FACTOR = float((stats.norm.ppf(0.95) + stats.norm.ppf(0.80)) ** 2)
"""(z.95 + z.80)^2 = 6.18."""
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
    0.1) away from it. Clusters: the number is multiplied by the design effect, items / effective items.

    Returns:
        More than the items there are; None where the variance is not known (a single cluster).
    """
    variance = planning_variance(change)
    if not math.isfinite(variance) or change.effective_items <= 0:
        return None
    inflation = change.items / change.effective_items
    needed = items_needed(variance * inflation, margin, planned) if margin != planned else 0
    if needed > change.items:
        return needed
    distance = max(abs(margin + change.delta), _NEAREST * abs(margin), _NEAREST)
    return max(items_needed(variance * inflation, distance), change.items + 1)
