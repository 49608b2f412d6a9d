"""Successive halving: short runs of all arms, after which the worse half is dropped."""

from __future__ import annotations

from collections.abc import Sequence

from retain.frontier_records import ArmResult
from retain.sweep.presets import PLAIN
from retain.sweep.selection import chosen_points, pareto


def survivors(tried: Sequence[ArmResult]) -> list[str]:
    """The variants that go on: the better half by layers of the Pareto set, and always ``plain``.

    The first layer are the arms that no other beats in gain and mean loss, the second those that only arms of the first
    beat, and so on (non-dominated sorting, Deb et al. 2002); within the layer that is cut, the greater gain goes on.
    Arms that failed do not.

    Args:
        tried: short runs, measured on dev items, one or several seeds and shares each.
    """
    ranked: list[str] = []
    left = chosen_points(tried)
    while left:
        layer = pareto(left)
        for point in sorted(layer, key=lambda one: -one.gain):
            if point.variant not in ranked:
                ranked.append(point.variant)
        left = [one for one in left if one not in layer]
    kept = ranked[: max(1, -(-len(ranked) // 2))]
    return kept + [PLAIN] * (PLAIN in ranked and PLAIN not in kept)
