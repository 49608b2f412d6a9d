"""The figure of a frontier: change of the capabilities against gain, one curve for each arm."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from retain.reporting.drawing import (
    INK,
    SERIES,
    SOFT,
    Box,
    Scale,
    diamond,
    dot,
    legend,
    line,
    linear,
    padded,
    rule,
    svg,
    text,
    x_axis,
    y_axis,
)
from retain.reporting.numbers import finite, signed


@dataclass(frozen=True)
class Place:
    """An arm at one strength: gain and change of the capabilities, each with half of its 95% interval."""

    gain: float
    change: float
    gain_half: float = 0.0
    change_half: float = 0.0
    passing: bool = True
    chosen: bool = False
    """Drawn as a diamond and named."""


@dataclass(frozen=True)
class Curve:
    """One arm of a frontier over its strengths."""

    name: str
    places: Sequence[Place]


def frontier_plot(curves: Sequence[Curve], title: str, mean_margin: float, width: int = 760, height: int = 460) -> str:
    """Change of the capabilities against gain: one curve for each arm from the base, intervals as crosses.

    The base stands at zero. Filled points passed the margins, hollow ones did not; a diamond is the point to take. The
    dashed line is the mean margin. Empty where no point can be drawn.
    """
    drawn = [Curve(one.name, [place for place in one.places if finite(place.gain, place.change)]) for one in curves]
    drawn = [one for one in drawn if one.places]
    if not drawn:
        return ""
    below = 22 * math.ceil(len(drawn) / max(1, (width - 60) // 220))
    box = Box(58, width - 18, 26, height - 48 - below)
    places = [place for one in drawn for place in one.places]
    x_low, x_high = padded([0.0, *(end for one in places for end in _ends(one.gain, one.gain_half))], 0.04)
    y_ends = [end for one in places for end in _ends(one.change, one.change_half)]
    y_low, y_high = padded([0.0, -mean_margin, *y_ends], 0.06)
    x, y = linear(x_low, x_high, box.left, box.right), linear(y_low, y_high, box.bottom, box.top)
    parts = [y_axis(y, y_low, y_high, box), x_axis(x, x_low, x_high, box, "gain on the task (points)", signed)]
    parts.append(rule(box.left, y(-mean_margin), box.right, y(-mean_margin), SOFT, 1.2, "5 4"))
    parts.append(text(box.right, y(-mean_margin) + 14, "mean margin", SOFT, "end", 11))
    parts.append(text(box.left, 12, "capabilities, mean change (points)", SOFT))
    for index, one in enumerate(drawn):
        colour = SERIES[index % len(SERIES)]
        parts += [_cross(place, x, y, colour) for place in one.places]
        parts.append(line([(0.0, 0.0), *((place.gain, place.change) for place in one.places)], x, y, colour, end=False))
        parts += [_place(place, x, y, colour) for place in one.places]
        column, row = index % max(1, (width - 60) // 220), index // max(1, (width - 60) // 220)
        parts.append(legend(one.name, box.left + 220 * column, box.bottom + 62 + 22 * row, colour, 30))
    parts += [dot(x(0), y(0), INK, 5), text(x(0) + 8, y(0) - 8, "base", INK, weight="600")]
    spoken = f"{title}. " + "; ".join(
        f"{one.name} at full strength: gain {signed(one.places[-1].gain)}, capabilities {signed(one.places[-1].change)}"
        for one in drawn
    )
    return svg(width, height, spoken, parts)


def _ends(value: float, half: float) -> tuple[float, float]:
    half = half if finite(half) else 0.0
    return value - half, value + half


def _cross(place: Place, x: Scale, y: Scale, colour: str) -> str:
    """Both intervals of a point, thin."""
    (left, right), (low, high) = _ends(place.gain, place.gain_half), _ends(place.change, place.change_half)
    across = rule(x(left), y(place.change), x(right), y(place.change), colour, 0.6)
    return across + rule(x(place.gain), y(low), x(place.gain), y(high), colour, 0.6)


def _place(place: Place, x: Scale, y: Scale, colour: str) -> str:
    at = x(place.gain), y(place.change)
    if place.chosen:
        return diamond(*at, colour) + text(at[0], at[1] - 12, "take this", INK, "middle", weight="600")
    return dot(*at, colour, 4, hollow=not place.passing)
