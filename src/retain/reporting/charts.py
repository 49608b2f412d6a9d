"""Charts as SVG text: pure functions of numbers, without any plotting library.

Colours come from CSS variables with a fallback, so that a chart follows the page's light or dark theme and
still looks right on its own. Values that are not finite are left out and never reach the SVG.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from retain.reporting.drawing import (
    INK,
    PAPER,
    SERIES,
    SHADE,
    SOFT,
    TONES,
    Box,
    Point,
    Scale,
    Tone,
    clipped,
    diamond,
    dot,
    escaped,
    finite_points,
    from_zero,
    legend,
    line,
    linear,
    padded,
    places,
    plain_tick,
    rect,
    rule,
    svg,
    text,
    x_axis,
    y_axis,
)
from retain.reporting.numbers import finite, plain, signed


@dataclass(frozen=True)
class Mark:
    """One row of a forest plot: an estimate with its interval, and the limit that it is held against."""

    label: str
    value: float
    low: float
    high: float
    tone: Tone = "open"
    limit: float | None = None
    note: str = ""
    strong: bool = False
    """Drawn as a diamond: a summary of the other rows."""


@dataclass(frozen=True)
class Series:
    """One line of a chart."""

    name: str
    points: Sequence[Point]


@dataclass(frozen=True)
class Setting:
    """One candidate of a choice: what it gained and lost. Missing numbers are not drawn."""

    label: str
    gain: float | None
    mean_loss: float | None
    worst_loss: float | None
    passing: bool
    chosen: bool = False


def forest_plot(marks: Sequence[Mark], title: str, axis: str, limit_name: str = "margin", width: int = 760) -> str:
    """Estimates with intervals under each other, a line at zero and a dashed line at each row's limit.

    Below a width of 520 the label stands above its row, for phones. An empty text where nothing can be drawn.
    """
    parts, height = forest_parts(marks, axis, limit_name, width)
    spoken = f"{title}. " + "; ".join(
        f"{mark.label}: {signed(mark.value)}, interval {signed(mark.low)} to {signed(mark.high)}"
        for mark in marks
        if finite(mark.value, mark.low, mark.high)
    )
    return svg(width, height, spoken, parts) if parts else ""


def forest_parts(marks: Sequence[Mark], axis: str, limit_name: str, width: int) -> tuple[list[str], float]:
    """What a forest plot is made of, and its height; nothing where nothing can be drawn."""
    marks = [mark for mark in marks if finite(mark.value, mark.low, mark.high)]
    if not marks:
        return [], 0.0
    narrow = width < 520
    step, top = (46, 26) if narrow else (34, 26)
    box = Box(12 if narrow else 214, width - (12 if narrow else 184), top, top + step * len(marks))
    low, high = _extent(marks)
    x = linear(low, high, box.left, box.right)
    parts = [x_axis(x, low, high, box, axis, signed), _limit_label(marks, x, box, limit_name)]
    parts += [_forest_row(mark, x, box.top + step * index, step, box, narrow) for index, mark in enumerate(marks)]
    return parts, box.bottom + 44


def line_chart(
    series: Sequence[Series],
    title: str,
    x_label: str,
    width: int = 360,
    height: int = 220,
    flags: Sequence[tuple[float, str]] = (),
) -> str:
    """One or more lines over a common axis, named at the chart's top. Empty where no point can be drawn.

    ``flags`` are (x, words): an upright dashed line where something happened.
    """
    drawn = [Series(one.name, finite_points(one.points)) for one in series]
    drawn = [one for one in drawn if one.points]
    if not drawn:
        return ""
    box = Box(54, width - 14, 32, height - 40)
    points = [point for one in drawn for point in one.points]
    x_low, x_high = padded([x for x, _ in points], 0)
    y_low, y_high = from_zero(*padded([y for _, y in points], 0.06))
    x, y = linear(x_low, x_high, box.left, box.right), linear(y_low, y_high, box.bottom, box.top)
    parts = [y_axis(y, y_low, y_high, box), x_axis(x, x_low, x_high, box, x_label, plain_tick, grid=False)]
    for index, one in enumerate(drawn):
        parts.append(line(one.points, x, y, SERIES[index % len(SERIES)]))
        parts.append(legend(one.name, box.left + 110 * index, 16, SERIES[index % len(SERIES)]))
    parts += [_flag(at, words, x, box) for at, words in flags if finite(at) and x_low <= at <= x_high]
    spoken = f"{title}. " + "; ".join(
        [f"{one.name} from {plain(one.points[0][1], 3)} to {plain(one.points[-1][1], 3)}" for one in drawn]
        + [f"{words} at {x_label} {plain(at, 0)}" for at, words in flags]
    )
    return svg(width, height, spoken, parts)


def _flag(at: float, words: str, x: Scale, box: Box) -> str:
    """An upright line with words on the side that has room."""
    left = x(at) < (box.left + box.right) / 2
    place, anchor = (x(at) + 6, "start") if left else (x(at) - 6, "end")
    said = text(place, box.top + 11, clipped(words, 34), TONES["bad"], anchor, 11)
    return rule(x(at), box.top, x(at), box.bottom, TONES["bad"], 1.4, dash="4 3") + said


def strength_curve(
    settings: Sequence[Setting],
    title: str,
    x_label: str,
    mean_margin: float,
    margin: float,
    width: int = 760,
    unit: str = "points",
) -> str:
    """Gain above, losses below, over the settings that were tried; the chosen one is marked.

    The settings stand at equal distances in the order given, so that any kind of choice can be drawn. Filled
    points passed the margins, hollow ones did not. Empty where no setting has a number. ``unit`` is the gain's.
    """
    if not any(finite(value) for one in settings for value in (one.gain, one.mean_loss, one.worst_loss)):
        return ""
    x = places(len(settings), 58, width - 18)
    upper, lower = Box(58, width - 18, 34, 154), Box(58, width - 18, 208, 328)
    parts = [_chosen_band(settings, x, upper, lower)]
    parts += _panel(f"gain ({unit})", [(SERIES[0], "gain", [one.gain for one in settings])], settings, x, upper)
    losses = [
        (SERIES[3], "mean loss", [one.mean_loss for one in settings]),
        (SERIES[1], "worst loss", [one.worst_loss for one in settings]),
    ]
    limits = [(mean_margin, "mean margin", SERIES[3]), (margin, "margin", SERIES[1])]
    parts += _panel("loss (points)", losses, settings, x, lower, limits)
    every = max(1, math.ceil(len(settings) * 46 / width))
    parts += [
        text(x(index), lower.bottom + 18, one.label, SOFT, "middle")
        for index, one in enumerate(settings)
        if index % every == 0 or one.chosen
    ]
    parts.append(text((lower.left + lower.right) / 2, lower.bottom + 38, x_label, SOFT, "middle"))
    chosen = next((one.label for one in settings if one.chosen), "none")
    return svg(width, lower.bottom + 48, f"{title}. {len(settings)} settings tried, chosen: {chosen}", parts)


def _extent(marks: Sequence[Mark]) -> tuple[float, float]:
    values = [0.0] + [value for mark in marks for value in (mark.value, mark.low, mark.high)]
    values += [mark.limit for mark in marks if mark.limit is not None and finite(mark.limit)]
    return padded(values, 0.07)


def _limit_label(marks: Sequence[Mark], x: Scale, box: Box, name: str) -> str:
    limit = next((mark.limit for mark in marks if mark.limit is not None and finite(mark.limit)), None)
    if limit is None:
        return ""
    at = x(limit)
    anchor = "start" if at < box.left + 30 else "end" if at > box.right - 30 else "middle"
    return text(at, box.top - 8, name, SOFT, anchor, 11)


def _forest_row(mark: Mark, x: Scale, top: float, step: float, box: Box, narrow: bool) -> str:
    colour = TONES[mark.tone]
    middle = top + (step - 12 if narrow else step / 2)
    parts = []
    if mark.limit is not None and finite(mark.limit):
        at = x(mark.limit)
        parts.append(rect(box.left, top + 1, max(0.0, at - box.left), step - 2, TONES["bad"], SHADE))
        parts.append(rule(at, top + 20 if narrow else top, at, top + step, SOFT, 1.2, dash="3 3"))
    weight = "600" if mark.strong else "400"
    note_at = (box.right, top + 15) if narrow else (box.right + 14, middle + 4)
    label = clipped(mark.label, 30 if narrow else 27)
    if narrow:
        parts.append(rect(box.left, top + 2, box.right - box.left, 17, PAPER, 0.82))
    parts.append(text(box.left if narrow else 0, top + 15 if narrow else middle + 4, label, INK, "start", 13, weight))
    parts.append(text(*note_at, mark.note, colour, "end" if narrow else "start", 12, "600"))
    left, right = x(mark.low), x(mark.high)
    parts.append(rule(left, middle, right, middle, colour, 2.4))
    parts += [rule(end, middle - 4, end, middle + 4, colour, 2) for end in (left, right)]
    parts.append(diamond(x(mark.value), middle, colour) if mark.strong else dot(x(mark.value), middle, colour))
    spoken = f"{mark.label}: {signed(mark.value)} ({signed(mark.low)} to {signed(mark.high)})"
    return f"<g><title>{escaped(spoken)}</title>{''.join(parts)}</g>"


def _panel(
    label: str,
    lines: Sequence[tuple[str, str, Sequence[float | None]]],
    settings: Sequence[Setting],
    x: Scale,
    box: Box,
    limits: Sequence[tuple[float, str, str]] = (),
) -> list[str]:
    values = [float(value) for _, _, numbers in lines for value in numbers if value is not None and finite(value)]
    if not values:
        return []
    limits = [limit for limit in limits if finite(limit[0])]
    low, high = padded([0.0, *values, *(limit[0] for limit in limits)], 0.06)
    y = linear(low, high, box.bottom, box.top)
    parts = [y_axis(y, low, high, box), text(box.left - 44, box.top - 14, label, INK, "start", 12, "600")]
    for value, _, colour in limits:
        parts.append(rule(box.left, y(value), box.right, y(value), colour, 1.2, dash="4 4"))
    for index, (colour, name, numbers) in enumerate(lines):
        points = [(float(i), float(v)) for i, v in enumerate(numbers) if v is not None and finite(v)]
        parts.append(line(points, x, y, colour, end=False))
        parts += [dot(x(i), y(v), colour, hollow=not settings[int(i)].passing) for i, v in points]
        parts.append(legend(name, box.right - 92 * (len(lines) - index), box.top - 14, colour))
    return parts


def _chosen_band(settings: Sequence[Setting], x: Scale, upper: Box, lower: Box) -> str:
    index = next((index for index, one in enumerate(settings) if one.chosen), None)
    if index is None:
        return ""
    half = min(24.0, (x(1) - x(0)) / 2 if len(settings) > 1 else 24.0)
    band = rect(x(index) - half, upper.top - 6, 2 * half, lower.bottom - upper.top + 12, SERIES[0], 0.1)
    return band + text(x(index), upper.bottom + 13, "chosen", SERIES[0], "middle", 11, "600")
