"""Which arms go on after short runs of all: the better half."""

from __future__ import annotations

from collections.abc import Sequence

from retain.comparison.dev import gain_order
from retain.frontier_records import ArmResult
from retain.sweep.selection import chosen_points, pareto


def survivors(tried: Sequence[ArmResult]) -> list[str]:
    """The variants that go on: the better half by layers of the Pareto set, and always a plain fine-tune.

    The first layer are the arms that no other beats in gain and mean loss, the second those that only arms of the first
    beat, and so on (non-dominated sorting, Deb et al. 2002); within the layer that is cut, the greater gain goes on.
    Arms that failed do not. Of several plain ones the best goes on where none is in that half.

    Args:
        tried: short runs, measured on dev items, one or several seeds and shares each.
    """
    ranked: list[str] = []
    left = chosen_points(tried)
    while left:
        layer = pareto(left)
        for point in sorted(layer, key=lambda one: -gain_order(one.gain)):
            if point.variant not in ranked:
                ranked.append(point.variant)
        left = [one for one in left if one not in layer]
    kept = ranked[: max(1, -(-len(ranked) // 2))]
    plain = [variant for variant in ranked if variant in {arm.variant for arm in tried if arm.plain}]
    return kept if set(plain) & {*kept} else kept + plain[:1]
