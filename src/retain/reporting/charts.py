"""Charts as SVG text: pure functions of numbers, without any plotting library.

Colours come from CSS variables with a fallback, so that a chart follows the page's light or dark theme and
still looks right on its own. Values that are not finite are left out and never reach the SVG.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import escape

from retain.reporting.numbers import finite, plain, signed

Tone = Literal["good", "bad", "open", "muted"]
Scale = Callable[[float], float]
Point = tuple[float, float]

INK = "var(--ink,#1b2430)"
SOFT = "var(--soft,#5b6675)"
RULE = "var(--rule,#d5dbe3)"
PAPER = "var(--paper,#ffffff)"
TONES: dict[Tone, str] = {
    "good": "var(--good,#00745a)",
    "bad": "var(--bad,#c2410c)",
    "open": "var(--open,#9a6700)",
    "muted": "var(--soft,#5b6675)",
}
SERIES = (
    "var(--series-1,#0b63b5)",
    "var(--series-2,#c2410c)",
    "var(--series-3,#00745a)",
    "var(--series-4,#8a4baf)",
    "var(--series-5,#9a6700)",
    "var(--series-6,#0f7c8f)",
    "var(--series-7,#b5306e)",
)
_LARGEST = 1e12
"""Larger values are drawn at this one, so that no scale overflows."""


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


@dataclass(frozen=True)
class _Box:
    """The rectangle that the data is drawn in."""

    left: float
    right: float
    top: float
    bottom: float


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers that cover ``low`` to ``high``: steps of 1, 2 or 5 times a power of ten."""
    span = high - low
    if not math.isfinite(span) or span <= 0:
        return [low]
    rough = span / max(1, about)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(index * step, 12) for index in range(first, last + 1)]


def forest_plot(marks: Sequence[Mark], title: str, axis: str, limit_name: str = "margin", width: int = 760) -> str:
    """Estimates with intervals under each other, a line at zero and a dashed line at each row's limit.

    Below a width of 520 the label stands above its row, for phones. An empty text where nothing can be drawn.
    """
    marks = [mark for mark in marks if finite(mark.value, mark.low, mark.high)]
    if not marks:
        return ""
    narrow = width < 520
    step, top = (46, 26) if narrow else (34, 26)
    box = _Box(12 if narrow else 214, width - (12 if narrow else 184), top, top + step * len(marks))
    low, high = _extent(marks)
    x = _linear(low, high, box.left, box.right)
    parts = [_x_axis(x, low, high, box, axis, signed), _limit_label(marks, x, box, limit_name)]
    parts += [_forest_row(mark, x, box.top + step * index, step, box, narrow) for index, mark in enumerate(marks)]
    spoken = f"{title}. " + "; ".join(
        f"{mark.label}: {signed(mark.value)}, interval {signed(mark.low)} to {signed(mark.high)}" for mark in marks
    )
    return _svg(width, box.bottom + 44, spoken, parts)


def line_chart(series: Sequence[Series], title: str, x_label: str, width: int = 360, height: int = 220) -> str:
    """One or more lines over a common axis, named at the chart's top. Empty where no point can be drawn."""
    drawn = [Series(one.name, _finite_points(one.points)) for one in series]
    drawn = [one for one in drawn if one.points]
    if not drawn:
        return ""
    box = _Box(54, width - 14, 32, height - 40)
    points = [point for one in drawn for point in one.points]
    x_low, x_high = _padded([x for x, _ in points], 0)
    y_low, y_high = _from_zero(*_padded([y for _, y in points], 0.06))
    x, y = _linear(x_low, x_high, box.left, box.right), _linear(y_low, y_high, box.bottom, box.top)
    parts = [_y_axis(y, y_low, y_high, box), _x_axis(x, x_low, x_high, box, x_label, plain_tick, grid=False)]
    for index, one in enumerate(drawn):
        parts.append(_line(one.points, x, y, SERIES[index % len(SERIES)]))
        parts.append(_legend(one.name, box.left + 110 * index, 16, SERIES[index % len(SERIES)]))
    spoken = f"{title}. " + "; ".join(
        f"{one.name} from {plain(one.points[0][1], 3)} to {plain(one.points[-1][1], 3)}" for one in drawn
    )
    return _svg(width, height, spoken, parts)


def strength_curve(
    settings: Sequence[Setting], title: str, x_label: str, mean_margin: float, margin: float, width: int = 760
) -> str:
    """Gain above, losses below, over the settings that were tried; the chosen one is marked.

    The settings stand at equal distances in the order given, so that any kind of choice can be drawn. Filled
    points passed the margins, hollow ones did not. Empty where no setting has a number.
    """
    if not any(finite(value) for one in settings for value in (one.gain, one.mean_loss, one.worst_loss)):
        return ""
    x = _places(len(settings), 58, width - 18)
    upper, lower = _Box(58, width - 18, 34, 154), _Box(58, width - 18, 196, 316)
    parts = [_chosen_band(settings, x, upper.top, lower.bottom)]
    parts += _panel("gain (points)", [(SERIES[0], "gain", [one.gain for one in settings])], settings, x, upper)
    losses = [
        (SERIES[3], "mean loss", [one.mean_loss for one in settings]),
        (SERIES[1], "worst loss", [one.worst_loss for one in settings]),
    ]
    limits = [(mean_margin, "mean margin", SERIES[3]), (margin, "margin", SERIES[1])]
    parts += _panel("loss (points)", losses, settings, x, lower, limits)
    every = max(1, math.ceil(len(settings) * 46 / width))
    parts += [
        _text(x(index), lower.bottom + 18, one.label, SOFT, "middle")
        for index, one in enumerate(settings)
        if index % every == 0 or one.chosen
    ]
    parts.append(_text((lower.left + lower.right) / 2, lower.bottom + 38, x_label, SOFT, "middle"))
    chosen = next((one.label for one in settings if one.chosen), "none")
    return _svg(width, lower.bottom + 48, f"{title}. {len(settings)} settings tried, chosen: {chosen}", parts)


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
    box = _Box(58, width - 18, 26, height - 48 - below)
    places = [place for one in drawn for place in one.places]
    x_low, x_high = _padded([0.0, *(end for one in places for end in _ends(one.gain, one.gain_half))], 0.04)
    y_ends = [end for one in places for end in _ends(one.change, one.change_half)]
    y_low, y_high = _padded([0.0, -mean_margin, *y_ends], 0.06)
    x, y = _linear(x_low, x_high, box.left, box.right), _linear(y_low, y_high, box.bottom, box.top)
    parts = [_y_axis(y, y_low, y_high, box), _x_axis(x, x_low, x_high, box, "gain on the task (points)", signed)]
    parts.append(_rule(box.left, y(-mean_margin), box.right, y(-mean_margin), SOFT, 1.2, "5 4"))
    parts.append(_text(box.right, y(-mean_margin) + 14, "mean margin", SOFT, "end", 11))
    parts.append(_text(box.left, 12, "capabilities, mean change (points)", SOFT))
    for index, one in enumerate(drawn):
        colour = SERIES[index % len(SERIES)]
        parts += [_cross(place, x, y, colour) for place in one.places]
        parts.append(
            _line([(0.0, 0.0), *((place.gain, place.change) for place in one.places)], x, y, colour, end=False)
        )
        parts += [_place(place, x, y, colour) for place in one.places]
        column, row = index % max(1, (width - 60) // 220), index // max(1, (width - 60) // 220)
        parts.append(_legend(one.name, box.left + 220 * column, box.bottom + 62 + 22 * row, colour, 30))
    parts += [_dot(x(0), y(0), INK, 5), _text(x(0) + 8, y(0) - 8, "base", INK, weight="600")]
    spoken = f"{title}. " + "; ".join(
        f"{one.name} at full strength: gain {signed(one.places[-1].gain)}, capabilities {signed(one.places[-1].change)}"
        for one in drawn
    )
    return _svg(width, height, spoken, parts)


def _ends(value: float, half: float) -> tuple[float, float]:
    half = half if finite(half) else 0.0
    return value - half, value + half


def _cross(place: Place, x: Scale, y: Scale, colour: str) -> str:
    """Both intervals of a point, thin."""
    (left, right), (low, high) = _ends(place.gain, place.gain_half), _ends(place.change, place.change_half)
    across = _rule(x(left), y(place.change), x(right), y(place.change), colour, 0.6)
    return across + _rule(x(place.gain), y(low), x(place.gain), y(high), colour, 0.6)


def _place(place: Place, x: Scale, y: Scale, colour: str) -> str:
    at = x(place.gain), y(place.change)
    if place.chosen:
        return _diamond(*at, colour) + _text(at[0], at[1] - 12, "take this", INK, "middle", weight="600")
    return _dot(*at, colour, 4, hollow=not place.passing)


def plain_tick(value: float) -> str:
    """A tick's label without sign or needless zeros."""
    return f"{value:,.10g}" if abs(value) < 1e6 else f"{value:.3g}"


def _extent(marks: Sequence[Mark]) -> tuple[float, float]:
    values = [0.0] + [value for mark in marks for value in (mark.value, mark.low, mark.high)]
    values += [mark.limit for mark in marks if mark.limit is not None and finite(mark.limit)]
    return _padded(values, 0.07)


def _padded(values: Iterable[float], share: float) -> tuple[float, float]:
    values = [_bounded(value) for value in values]
    low, high = min(values), max(values)
    room = (high - low) * share
    largest = max(abs(low), abs(high))
    if high - low <= 1e-9 * largest:
        room = largest / 2 or 0.5
    return low - room, high + room


def _from_zero(low: float, high: float) -> tuple[float, float]:
    """Start at zero where that costs little room; never below it when no value is negative."""
    if low > 0 and low < 0.4 * high:
        return 0.0, high
    return low, high


def _bounded(value: float) -> float:
    return max(-_LARGEST, min(_LARGEST, value))


def _linear(low: float, high: float, start: float, end: float) -> Scale:
    return lambda value: start + (end - start) * (_bounded(value) - low) / (high - low)


def _places(number: int, left: float, right: float) -> Scale:
    """Positions 0, 1, ... at equal distances with half a distance at both ends."""
    each = (right - left) / max(1, number)
    return lambda index: left + each * (index + 0.5)


def _finite_points(points: Iterable[Point]) -> list[Point]:
    return [(float(x), float(y)) for x, y in points if finite(x, y)]


def _x_axis(
    x: Scale, low: float, high: float, box: _Box, label: str, name: Callable[[float], str], grid: bool = True
) -> str:
    about = max(3, int((box.right - box.left) / 60))
    parts = []
    for tick in ticks(low, high, about):
        at = x(tick)
        if grid:
            strong = tick == 0
            parts.append(_rule(at, box.top, at, box.bottom, SOFT if strong else RULE, 1.4 if strong else 1))
        parts.append(
            _text(
                at,
                box.bottom + 17,
                plain_tick(tick) if name is plain_tick else _signed_tick(tick),
                SOFT,
                "middle",
            )
        )
    parts.append(_text((box.left + box.right) / 2, box.bottom + 36, label, SOFT, "middle"))
    return "".join(parts)


def _signed_tick(value: float) -> str:
    return f"+{plain_tick(value)}" if value > 0 else plain_tick(value).replace("-", "\u2212")


def _y_axis(y: Scale, low: float, high: float, box: _Box) -> str:
    parts = []
    for tick in ticks(low, high, 4):
        parts.append(_rule(box.left, y(tick), box.right, y(tick), SOFT if tick == 0 else RULE, 1))
        parts.append(_text(box.left - 8, y(tick) + 4, plain_tick(tick), SOFT, "end"))
    return "".join(parts)


def _limit_label(marks: Sequence[Mark], x: Scale, box: _Box, name: str) -> str:
    limit = next((mark.limit for mark in marks if mark.limit is not None and finite(mark.limit)), None)
    if limit is None:
        return ""
    at = x(limit)
    anchor = "start" if at < box.left + 30 else "end" if at > box.right - 30 else "middle"
    return _text(at, box.top - 8, name, SOFT, anchor, 11)


def _forest_row(mark: Mark, x: Scale, top: float, step: float, box: _Box, narrow: bool) -> str:
    colour = TONES[mark.tone]
    middle = top + (step - 12 if narrow else step / 2)
    parts = []
    if mark.limit is not None and finite(mark.limit):
        at = x(mark.limit)
        parts.append(_rect(box.left, top + 1, max(0.0, at - box.left), step - 2, TONES["bad"], 0.06))
        parts.append(_rule(at, top, at, top + step, SOFT, 1.2, dash="3 3"))
    weight = "600" if mark.strong else "400"
    note_at = (box.right, top + 15) if narrow else (box.right + 14, middle + 4)
    label = _clipped(mark.label, 30 if narrow else 27)
    if narrow:
        parts.append(_rect(box.left, top + 2, box.right - box.left, 17, PAPER, 0.82))
    parts.append(_text(box.left if narrow else 0, top + 15 if narrow else middle + 4, label, INK, "start", 13, weight))
    parts.append(_text(*note_at, mark.note, colour, "end" if narrow else "start", 12, "600"))
    left, right = x(mark.low), x(mark.high)
    parts.append(_rule(left, middle, right, middle, colour, 2.4))
    parts += [_rule(end, middle - 4, end, middle + 4, colour, 2) for end in (left, right)]
    parts.append(_diamond(x(mark.value), middle, colour) if mark.strong else _dot(x(mark.value), middle, colour))
    spoken = f"{mark.label}: {signed(mark.value)} ({signed(mark.low)} to {signed(mark.high)})"
    return f"<g><title>{escape(spoken)}</title>{''.join(parts)}</g>"


def _panel(
    label: str,
    lines: Sequence[tuple[str, str, Sequence[float | None]]],
    settings: Sequence[Setting],
    x: Scale,
    box: _Box,
    limits: Sequence[tuple[float, str, str]] = (),
) -> list[str]:
    values = [float(value) for _, _, numbers in lines for value in numbers if value is not None and finite(value)]
    if not values:
        return []
    limits = [limit for limit in limits if finite(limit[0])]
    low, high = _padded([0.0, *values, *(limit[0] for limit in limits)], 0.06)
    y = _linear(low, high, box.bottom, box.top)
    parts = [_y_axis(y, low, high, box), _text(box.left - 44, box.top - 14, label, INK, "start", 12, "600")]
    for value, _, colour in limits:
        parts.append(_rule(box.left, y(value), box.right, y(value), colour, 1.2, dash="4 4"))
    for index, (colour, name, numbers) in enumerate(lines):
        points = [(float(i), float(v)) for i, v in enumerate(numbers) if v is not None and finite(v)]
        parts.append(_line(points, x, y, colour, end=False))
        parts += [_dot(x(i), y(v), colour, hollow=not settings[int(i)].passing) for i, v in points]
        parts.append(_legend(name, box.right - 92 * (len(lines) - index), box.top - 14, colour))
    return parts


def _chosen_band(settings: Sequence[Setting], x: Scale, top: float, bottom: float) -> str:
    index = next((index for index, one in enumerate(settings) if one.chosen), None)
    if index is None:
        return ""
    half = min(24.0, (x(1) - x(0)) / 2 if len(settings) > 1 else 24.0)
    band = _rect(x(index) - half, top - 6, 2 * half, bottom - top + 12, SERIES[0], 0.1)
    return band + _text(x(index), bottom + 5 - (bottom - top) / 2 - 2, "chosen", SERIES[0], "middle", 11, "600")


def _line(points: Sequence[Point], x: Scale, y: Scale, colour: str, end: bool = True) -> str:
    if not points:
        return ""
    path = " ".join(f"{_n(x(a))},{_n(y(b))}" for a, b in points)
    line = (
        f'<polyline points="{path}" fill="none" style="stroke:{colour}" stroke-width="2" '
        'stroke-linejoin="round" stroke-linecap="round"/>'
    )
    return line + (_dot(x(points[-1][0]), y(points[-1][1]), colour, radius=3.2) if end else "")


def _legend(name: str, left: float, base: float, colour: str, most: int = 20) -> str:
    return _rect(left, base - 8, 10, 3.5, colour, 1) + _text(
        left + 15, base - 3, _clipped(name, most), INK, "start", 12
    )


def _dot(x: float, y: float, colour: str, radius: float = 5, hollow: bool = False) -> str:
    fill, stroke = (PAPER, colour) if hollow else (colour, PAPER)
    return (
        f'<circle cx="{_n(x)}" cy="{_n(y)}" r="{_n(radius)}" style="fill:{fill};stroke:{stroke}" '
        f'stroke-width="{2 if hollow else 1.5}"/>'
    )


def _diamond(x: float, y: float, colour: str) -> str:
    corners = f"{_n(x - 8)},{_n(y)} {_n(x)},{_n(y - 7)} {_n(x + 8)},{_n(y)} {_n(x)},{_n(y + 7)}"
    return f'<polygon points="{corners}" style="fill:{colour};stroke:{PAPER}" stroke-width="1.5"/>'


def _rule(x1: float, y1: float, x2: float, y2: float, colour: str, wide: float, dash: str = "") -> str:
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<line x1="{_n(x1)}" y1="{_n(y1)}" x2="{_n(x2)}" y2="{_n(y2)}" style="stroke:{colour}" '
        f'stroke-width="{_n(wide)}"{dashed}/>'
    )


def _rect(x: float, y: float, wide: float, high: float, colour: str, opacity: float) -> str:
    return (
        f'<rect x="{_n(x)}" y="{_n(y)}" width="{_n(wide)}" height="{_n(high)}" rx="2" '
        f'style="fill:{colour}" opacity="{opacity}"/>'
    )


def _text(
    x: float, y: float, text: str, colour: str, anchor: str = "start", size: int = 12, weight: str = "400"
) -> str:
    return (
        f'<text x="{_n(x)}" y="{_n(y)}" text-anchor="{anchor}" font-size="{size}" font-weight="{weight}" '
        f'style="fill:{colour}">{escape(text)}</text>'
    )


def _clipped(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def _n(value: float) -> str:
    """A coordinate: finite, short, never ``-0``."""
    if not math.isfinite(value):
        raise ValueError(f"a coordinate is not finite: {value}")
    return f"{round(value, 1):g}" if round(value, 1) else "0"


def _svg(width: float, height: float, spoken: str, parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_n(width)} {_n(height)}" role="img" '
        f'aria-label="{escape(spoken)}" font-family="system-ui, sans-serif">{"".join(parts)}</svg>'
    )
