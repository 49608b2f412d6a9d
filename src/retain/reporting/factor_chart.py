"""The figure of one factor: change of the capabilities and gain over its levels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from retain.reporting.arm_means import Estimate
from retain.reporting.charts import Mark, forest_parts
from retain.reporting.drawing import (
    INK,
    SERIES,
    SOFT,
    Box,
    Scale,
    Tone,
    bar,
    dot,
    escaped,
    legend,
    line,
    linear,
    padded,
    places,
    rule,
    svg,
    text,
    y_axis,
)
from retain.reporting.numbers import finite, interval, signed

CHANGE, GAIN = "capabilities, mean change", "gain on the task"


@dataclass(frozen=True)
class Level:
    """What came of one level of a factor, on test items; a number that is missing is not drawn."""

    value: float | None
    """None where the level is no number."""
    name: str
    change: Estimate | None
    """Mean change of the capabilities, in points."""
    gain: Estimate | None
    unit: str = "points"
    """Of the gain."""
    tone: Tone = "open"


def factor_plot(levels: Sequence[Level], title: str, factor: str, mean_margin: float, width: int = 760) -> str:
    """Lines over levels that are numbers, rows of a forest plot where some are none; empty where there is no number."""
    drawn = [one for one in levels if _numbers(one.change) or _numbers(one.gain)]
    if not drawn:
        return ""
    spoken = f"{title}. " + "; ".join(_spoken(one) for one in drawn)
    if all(one.value is not None for one in drawn):
        drawn = sorted(drawn, key=lambda one: one.value or 0.0)
        parts, height = _lines(drawn, factor, mean_margin, width)
    else:
        parts, height = _rows(drawn, mean_margin, width)
    return svg(width, height, spoken, parts)


def _lines(levels: Sequence[Level], factor: str, mean_margin: float, width: int) -> tuple[list[str], float]:
    """Change above, gain below, at equal distances in the order of the levels."""
    upper, lower = Box(58, width - 18, 34, 194), Box(58, width - 18, 244, 364)
    x = places(len(levels), upper.left, upper.right)
    unit = next((one.unit for one in levels if one.gain is not None), "points")
    parts = _panel(f"{CHANGE} (points)", SERIES[0], levels, [one.change for one in levels], x, upper, -mean_margin)
    parts += _panel(f"{GAIN} ({unit})", SERIES[1], levels, [one.gain for one in levels], x, lower)
    every = max(1, math.ceil(len(levels) * 46 / width))
    for index in range(0, len(levels), every):
        parts.append(text(x(index), lower.bottom + 18, levels[index].name, SOFT, "middle"))
    parts.append(text((lower.left + lower.right) / 2, lower.bottom + 38, factor, SOFT, "middle"))
    return parts, lower.bottom + 48


def _panel(
    name: str,
    colour: str,
    levels: Sequence[Level],
    found: Sequence[Estimate | None],
    x: Scale,
    box: Box,
    margin: float | None = None,
) -> list[str]:
    """One line with its intervals, and a dashed line at the margin."""
    known = [(index, one) for index, one in enumerate(found) if one is not None and finite(*one)]
    if not known:
        return []
    values = [number for _, one in known for number in one]
    low, high = padded([0.0, *values, *([margin] if margin is not None else [])], 0.06)
    y = linear(low, high, box.bottom, box.top)
    parts = [y_axis(y, low, high, box), legend(name, box.left - 44, box.top - 10, colour, 60)]
    if margin is not None:
        parts.append(rule(box.left, y(margin), box.right, y(margin), SOFT, 1.2, dash="5 4"))
        said = "dashed: mean margin" if box.right - box.left > 400 else "- - margin"
        parts.append(text(box.right, box.top - 13, said, SOFT, "end", 11))
    parts.append(line([(float(index), one.value) for index, one in known], x, y, colour, end=False))
    for index, one in known:
        title = f"<title>{escaped(_spoken(levels[index]))}</title>"
        mark = bar(x(index), y(one.low), y(one.high), colour) + dot(x(index), y(one.value), colour)
        parts.append(f"<g>{title}{mark}</g>")
    return parts


def _rows(levels: Sequence[Level], mean_margin: float, width: int) -> tuple[list[str], float]:
    """A forest plot of the changes above one of the gains."""
    change = [_mark(one, one.change, -mean_margin) for one in levels if one.change is not None]
    gain = [_mark(one, one.gain, None) for one in levels if one.gain is not None]
    unit = next((one.unit for one in levels if one.gain is not None), "points")
    parts: list[str] = []
    top = 0.0
    for marks, name, limit in ((change, f"{CHANGE} (points)", "mean margin"), (gain, f"{GAIN} ({unit})", "")):
        inner, height = forest_parts(marks, "right is better", limit, width)
        if inner:
            parts.append(text(0, top + 15, name, INK, weight="600"))
            parts.append(f'<g transform="translate(0 {top + 22:g})">{"".join(inner)}</g>')
            top += height + 30
    return parts, top


def _mark(level: Level, found: Estimate, limit: float | None) -> Mark:
    note = f"{signed(found.value)} ({interval(found.low, found.high)})"
    return Mark(level.name, found.value, found.low, found.high, level.tone, limit, note)


def _spoken(one: Level) -> str:
    def said(name: str, found: Estimate | None) -> str:
        return f"{name} {signed(found.value)} ({interval(found.low, found.high)})" if found is not None else ""

    return f"{one.name}: " + ", ".join(filter(None, [said("capabilities", one.change), said("gain", one.gain)]))


def _numbers(found: Estimate | None) -> bool:
    return found is not None and finite(*found)
