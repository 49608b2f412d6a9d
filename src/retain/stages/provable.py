"""What a suite's items can prove, told before anything is measured."""

from __future__ import annotations

import math
from collections.abc import Sequence

from retain.comparison.power import FACTOR
from retain.records import Gate
from retain.reporting.numbers import count

FLIPS = (0.05, 0.20)
"""Shares of items whose verdict changes though nothing is lost: of a gentle training, and of one that changed a lot."""


def provable_mean(items: Sequence[int], flips: float) -> float:
    """The margin, in points, under which the mean loss of a model that lost nothing is proven four times in five.

    sqrt(6.18 * sum of psi / n_j) / k, for k probes of n_j independent items whose scores are right or wrong: the pooled
    loss weighs probes alike, and their variances add. The score bound asks for a little more.

    Args:
        items: of each probe; none is 0.
        flips: psi, the share of items that flip.
    """
    return 100 * math.sqrt(FACTOR * sum(flips / one for one in items)) / len(items)


def provable_note(items: Sequence[int], gate: Gate) -> str:
    """What to expect of the verdict on the mean; empty where no probe has items."""
    found = [one for one in items if one]
    if not found:
        return ""
    few, many = (provable_mean(found, flips) for flips in FLIPS)
    told = (
        f"of a model that lost nothing, these {count(sum(found))} test items prove a mean loss under {few:.1f} points "
        f"four times in five where {FLIPS[0]:.0%} of the answers flip, and under {many:.1f} where {FLIPS[1]:.0%} do; "
        f"gate.mean_margin is {gate.mean_margin:g}"
    )
    if gate.mean_margin >= many:
        return told
    return (
        f"{told}. Below that the verdict is mostly inconclusive: measure on more items (a larger suite, another beside "
        "it), or choose a wider margin before you look"
    )
