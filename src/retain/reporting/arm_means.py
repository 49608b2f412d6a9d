"""A frontier's arms over their seeds: the numbers that its figures draw."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import stdev
from typing import NamedTuple

from retain.comparison.intervals import critical_value
from retain.records import Change
from retain.reporting.numbers import finite


class Estimate(NamedTuple):
    """A number and its 95% interval."""

    value: float
    low: float
    high: float


def half_over_seeds(values: Sequence[float], halves: Sequence[float]) -> float:
    """Half of the 95% interval of a mean over seeds that share their items.

    Two parts add in squares: the seeds' standard error times Student's t (4.3 for three seeds, 12.7 for two), and the
    mean of the squared halves for items, as the same items measure every seed. One seed has the items' part only, and
    says nothing of other seeds.

    Relations: ``comparison.seeds.over_seeds`` has the scores themselves and takes off what is in both parts; this one
    has only what a frontier records, and covers 95 to 99% of drawn means instead of 95 to 97%.
    """
    if not finite(*values, *halves):
        return math.nan
    items = sum(half * half for half in halves) / len(halves)
    if len(values) < 2:
        return math.sqrt(items)
    return math.hypot(critical_value(df=len(values) - 1) * stdev(values) / math.sqrt(len(values)), math.sqrt(items))


def mean_change(changes: Sequence[Change | None]) -> Estimate | None:
    """The mean over seeds; None where a seed has no such number."""
    found = [change for change in changes if change is not None]
    if not found or len(found) < len(changes):
        return None
    deltas = [change.delta for change in found]
    value = sum(deltas) / len(deltas)
    below = half_over_seeds(deltas, [change.delta - change.low for change in found])
    above = half_over_seeds(deltas, [change.high - change.delta for change in found])
    return Estimate(value, value - below, value + above)
