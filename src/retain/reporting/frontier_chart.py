"""The figure of a frontier: change of the capabilities against gain, one curve for each arm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from retain.reporting.drawing import (
    INK,
    SERIES,
    SOFT,
    Box,
    Scale,
    clipped,
    diamond,
    dot,
    escaped,
    line,
    linear,
    name_tag,
    padded,
    rule,
    square,
    svg,
    text,
    x_axis,
    y_axis,
)
from retain.reporting.numbers import finite, signed

DASHES = ("", "7 4", "2 4")
"""Arms beyond the colours there are get the same ones again, with another line."""
KEY_WIDTH, KEY_HEIGHT = 220, 22
FULL = 1.0
"""The strength at which a model is what was trained."""


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
    strength: float = FULL
    note: str = ""
    """Everything that is known of it, in lines; shown where the point is pointed at."""


@dataclass(frozen=True)
class Curve:
    """One arm of a frontier over its strengths, the least first."""

    name: str
    places: Sequence[Place]
    plain: bool = False
    """Nothing is done against forgetting: at full strength drawn as a square and named."""

    @property
    def plain_place(self) -> Place | None:
        """Where it is the plain fine-tune: at full strength, if that was measured."""
        return next((one for one in self.places if self.plain and one.strength == FULL), None)


@dataclass(frozen=True)
class _Frame:
    x: Scale
    y: Scale
    box: Box


def frontier_plot(
    curves: Sequence[Curve], title: str, mean_margin: float, width: int = 760, unit: str = "points"
) -> str:
    """Change of the capabilities against gain: one curve for each arm from the base, intervals as crosses.

    The base stands at zero. Filled points passed the margins, hollow ones did not; a square is a plain fine-tune, a
    diamond the point to take. The dashed line is the mean margin. Intervals that reach far beyond all points are cut at
    the edge. Empty where no point can be drawn. ``unit`` is the gain's.
    """
    drawn = [
        Curve(one.name, [place for place in one.places if finite(place.gain, place.change)], one.plain)
        for one in curves
    ]
    drawn = [one for one in drawn if one.places]
    if not drawn:
        return ""
    box = Box(58, width - 18, 30, 390 if width >= 520 else 330)
    frame, parts = _frame(drawn, mean_margin, box, unit)
    columns = max(1, int((width - 20) / KEY_WIDTH))
    first = next((index for index, one in enumerate(drawn) if one.plain_place), None)
    for index, one in sorted(enumerate(drawn), key=lambda pair: any(place.chosen for place in pair[1].places)):
        parts.append(_curve(one, index, frame, named=index == first))
    for index, one in enumerate(drawn):
        left = 12 + KEY_WIDTH * (index % columns)
        parts.append(_key(one.name, index, left, box.bottom + 62 + KEY_HEIGHT * (index // columns)))
    x, y = frame.x(0), frame.y(0)
    parts += [dot(x, y, INK, 5), name_tag(x + 8, y - 8, "base", "start")]
    spoken = f"{title}. " + "; ".join(
        f"{one.name} at strength {last.strength:g}: gain {signed(last.gain)}, capabilities {signed(last.change)}"
        for one in drawn
        for last in one.places[-1:]
    )
    return svg(width, box.bottom + 56 + KEY_HEIGHT * -(-len(drawn) // columns), spoken, parts)


def _frame(drawn: Sequence[Curve], mean_margin: float, box: Box, unit: str) -> tuple[_Frame, list[str]]:
    """Scales that hold every point, and the axes."""
    places = [place for one in drawn for place in one.places]
    x_low, x_high = padded(_extent([0.0], [(one.gain, one.gain_half) for one in places]), 0.04)
    y_low, y_high = padded(_extent([0.0, -mean_margin], [(one.change, one.change_half) for one in places]), 0.06)
    x, y = linear(x_low, x_high, box.left, box.right), linear(y_low, y_high, box.bottom, box.top)
    margin = y(-mean_margin)
    return _Frame(x, y, box), [
        y_axis(y, y_low, y_high, box),
        x_axis(x, x_low, x_high, box, f"gain on the task ({unit})", signed),
        rule(box.left, margin, box.right, margin, SOFT, 1.2, "5 4"),
        text(box.right, 14, "dashed: mean margin" if box.right > 500 else "- - margin", SOFT, "end", 11),
        text(12, 14, "capabilities, mean change (points)", SOFT),
    ]


def _extent(also: Sequence[float], found: Sequence[tuple[float, float]]) -> list[float]:
    """The least and the greatest value to draw; intervals reach at most half of the values' own range beyond them."""
    values = [*also, *(value for value, _ in found)]
    room = (max(values) - min(values)) / 2
    ends = [end for value, half in found if finite(half) for end in (value - half, value + half)]
    return [
        max(min([*values, *ends]), min(values) - room),
        min(max([*values, *ends]), max(values) + room),
    ]


def _curve(one: Curve, index: int, frame: _Frame, named: bool) -> str:
    """An arm's line and points, as one group that can be hidden."""
    path = [(0.0, 0.0), *((place.gain, place.change) for place in one.places)]
    colour, dash = _look(index)
    parts = [line(path, frame.x, frame.y, colour, end=False, dash=dash)]
    for place in one.places:
        full = place is one.plain_place
        parts.append(_point(place, frame, colour, full, ["plain fine-tune"] * (full and named)))
    return f'<g class="arm" data-arm="{index}">{"".join(parts)}</g>'


def _point(place: Place, frame: _Frame, colour: str, full: bool, words: list[str]) -> str:
    x, y = frame.x(place.gain), frame.y(place.change)
    words = [*words, *["take this"] * place.chosen]
    mark = dot(x, y, colour, 4, hollow=not place.passing)
    if full:
        mark = square(x, y, colour, hollow=not place.passing)
    if place.chosen:
        mark = diamond(x, y, colour)
    title = f"<title>{escaped(place.note)}</title>" if place.note else ""
    around = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="11" class="ring" fill="none" pointer-events="all"/>'
    return f'<g class="point">{title}{_cross(place, frame, colour)}{around}{mark}{_words(words, x, y, frame.box)}</g>'


def _words(words: Sequence[str], x: float, y: float, box: Box) -> str:
    """What a point is called, never beyond the edges."""
    if not words:
        return ""
    near_left, near_right = x < box.left + 50, x > box.right - 50
    anchor = "start" if near_left else "end" if near_right else "middle"
    above = y > box.top + 24 and (y > box.bottom - 30 or "take this" in words)
    return name_tag(x, y - 12 if above else y + 22, ", ".join(words), anchor)


def _cross(place: Place, frame: _Frame, colour: str) -> str:
    """Both intervals of a point, thin."""
    x, y, box = frame.x, frame.y, frame.box
    gain_half, change_half = (half if finite(half) else 0.0 for half in (place.gain_half, place.change_half))
    left, right = max(box.left, x(place.gain - gain_half)), min(box.right, x(place.gain + gain_half))
    low, high = min(box.bottom, y(place.change - change_half)), max(box.top, y(place.change + change_half))
    across = rule(left, y(place.change), right, y(place.change), colour, 0.6)
    return across + rule(x(place.gain), low, x(place.gain), high, colour, 0.6)


def _look(index: int) -> tuple[str, str]:
    return SERIES[index % len(SERIES)], DASHES[index // len(SERIES) % len(DASHES)]


def _key(name: str, index: int, left: float, base: float) -> str:
    """An arm's line and name; clicking on it hides the arm where scripts run."""
    colour, dash = _look(index)
    swatch = rule(left, base - 7, left + 20, base - 7, colour, 3, dash)
    return (
        f'<g class="key" data-arm="{index}"><title>{escaped(name)}</title>'
        f'<rect x="{left:g}" y="{base - 18:g}" width="{KEY_WIDTH - 8}" height="{KEY_HEIGHT}" fill="none" '
        f'pointer-events="all"/>{swatch}{text(left + 26, base - 3, clipped(name, 27), INK)}</g>'
    )
