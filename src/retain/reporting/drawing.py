"""Parts of charts: lines, points, texts, axes and scales as SVG text.

Colours come from CSS variables with a fallback, so that a chart follows the page's light or dark theme and still looks
right on its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup, escape

from retain.reporting.numbers import finite
from retain.reporting.text import clean

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
SHADE = 0.12
"""How strongly what lies beyond a margin is shaded: seen on the dark page too."""
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
class Box:
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


def plain_tick(value: float) -> str:
    """A tick's label without sign or needless zeros."""
    return f"{value:,.10g}" if abs(value) < 1e6 else f"{value:.3g}"


def padded(values: Iterable[float], share: float) -> tuple[float, float]:
    """The range of values with some room on both sides; never of no width."""
    values = [bounded(value) for value in values]
    low, high = min(values), max(values)
    room = (high - low) * share
    largest = max(abs(low), abs(high))
    if high - low <= 1e-9 * largest:
        room = largest / 2 or 0.5
    return low - room, high + room


def from_zero(low: float, high: float) -> tuple[float, float]:
    """Start at zero where that costs little room; never below it when no value is negative."""
    if low > 0 and low < 0.4 * high:
        return 0.0, high
    return low, high


def bounded(value: float) -> float:
    """A value that no scale overflows at."""
    return max(-_LARGEST, min(_LARGEST, value))


def linear(low: float, high: float, start: float, end: float) -> Scale:
    """A scale that takes ``low`` to ``start`` and ``high`` to ``end``."""
    return lambda value: start + (end - start) * (bounded(value) - low) / (high - low)


def places(number: int, left: float, right: float) -> Scale:
    """Positions 0, 1, ... at equal distances with half a distance at both ends."""
    each = (right - left) / max(1, number)
    return lambda index: left + each * (index + 0.5)


def finite_points(points: Iterable[Point]) -> list[Point]:
    """The points whose coordinates are numbers."""
    return [(float(x), float(y)) for x, y in points if finite(x, y)]


def x_axis(
    x: Scale, low: float, high: float, box: Box, label: str, name: Callable[[float], str], grid: bool = True
) -> str:
    """Ticks below a box, lines at them where ``grid`` is wanted, and the axis' label."""
    about = max(3, int((box.right - box.left) / 60))
    parts = []
    for tick in ticks(low, high, about):
        at = x(tick)
        if grid:
            strong = tick == 0
            parts.append(rule(at, box.top, at, box.bottom, SOFT if strong else RULE, 1.4 if strong else 1))
        parts.append(
            text(
                at,
                box.bottom + 17,
                plain_tick(tick) if name is plain_tick else signed_tick(tick),
                SOFT,
                "middle",
            )
        )
    parts.append(text((box.left + box.right) / 2, box.bottom + 36, label, SOFT, "middle"))
    return "".join(parts)


def signed_tick(value: float) -> str:
    """A tick's label with its sign."""
    return f"+{plain_tick(value)}" if value > 0 else plain_tick(value).replace("-", "\u2212")


def y_axis(y: Scale, low: float, high: float, box: Box) -> str:
    """Ticks on the left of a box, and lines at them."""
    parts = []
    for tick in ticks(low, high, 4):
        parts.append(rule(box.left, y(tick), box.right, y(tick), SOFT if tick == 0 else RULE, 1))
        parts.append(text(box.left - 8, y(tick) + 4, plain_tick(tick), SOFT, "end"))
    return "".join(parts)


def line(points: Sequence[Point], x: Scale, y: Scale, colour: str, end: bool = True, dash: str = "") -> str:
    """A line through points, with a dot at its end where ``end`` is wanted."""
    if not points:
        return ""
    path = " ".join(f"{number(x(a))},{number(y(b))}" for a, b in points)
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    line = (
        f'<polyline points="{path}" fill="none" style="stroke:{colour}" stroke-width="2" '
        f'stroke-linejoin="round" stroke-linecap="round"{dashed}/>'
    )
    return line + (dot(x(points[-1][0]), y(points[-1][1]), colour, radius=3.2) if end else "")


def legend(name: str, left: float, base: float, colour: str, most: int = 20) -> str:
    """A series' colour and name, of ``most`` letters."""
    return rect(left, base - 8, 10, 3.5, colour, 1) + text(left + 15, base - 3, clipped(name, most), INK, "start", 12)


def dot(x: float, y: float, colour: str, radius: float = 5, hollow: bool = False) -> str:
    """A point; hollow ones show the paper."""
    fill, stroke = (PAPER, colour) if hollow else (colour, PAPER)
    return (
        f'<circle cx="{number(x)}" cy="{number(y)}" r="{number(radius)}" style="fill:{fill};stroke:{stroke}" '
        f'stroke-width="{2 if hollow else 1.5}"/>'
    )


def square(x: float, y: float, colour: str, hollow: bool = False) -> str:
    """A point of another kind than the dots; hollow ones show the paper."""
    fill, stroke = (PAPER, colour) if hollow else (colour, PAPER)
    return (
        f'<rect x="{number(x - 5)}" y="{number(y - 5)}" width="10" height="10" style="fill:{fill};stroke:{stroke}" '
        f'stroke-width="{2 if hollow else 1.5}"/>'
    )


def diamond(x: float, y: float, colour: str) -> str:
    """A point that is more than the others."""
    ends = ((x - 8, y), (x, y - 7), (x + 8, y), (x, y + 7))
    corners = " ".join(f"{number(a)},{number(b)}" for a, b in ends)
    return f'<polygon points="{corners}" style="fill:{colour};stroke:{PAPER}" stroke-width="1.5"/>'


def rule(x1: float, y1: float, x2: float, y2: float, colour: str, wide: float, dash: str = "") -> str:
    """A straight line."""
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<line x1="{number(x1)}" y1="{number(y1)}" x2="{number(x2)}" y2="{number(y2)}" style="stroke:{colour}" '
        f'stroke-width="{number(wide)}"{dashed}/>'
    )


def bar(x: float, low: float, high: float, colour: str) -> str:
    """An upright interval with its ends, in coordinates."""
    ends = "".join(rule(x - 4, end, x + 4, end, colour, 1.6) for end in (low, high))
    return rule(x, low, x, high, colour, 1.6) + ends


def rect(x: float, y: float, wide: float, high: float, colour: str, opacity: float) -> str:
    """A filled rectangle."""
    return (
        f'<rect x="{number(x)}" y="{number(y)}" width="{number(wide)}" height="{number(high)}" rx="2" '
        f'style="fill:{colour}" opacity="{opacity}"/>'
    )


def escaped(text: str) -> Markup:
    """Foreign text inside a drawing: no markup, and nothing that XML or a screen would stumble over."""
    return escape(clean(text))


def text(x: float, y: float, text: str, colour: str, anchor: str = "start", size: int = 12, weight: str = "400") -> str:
    """Escaped text."""
    return (
        f'<text x="{number(x)}" y="{number(y)}" text-anchor="{anchor}" font-size="{size}" font-weight="{weight}" '
        f'style="fill:{colour}">{escaped(text)}</text>'
    )


def name_tag(x: float, y: float, words: str, anchor: str = "middle") -> str:
    """A point's name: bold, with paper around the letters, so that it is read over lines."""
    edge = text(x, y, words, PAPER, anchor, weight="600").replace('style="', f'style="stroke:{PAPER};stroke-width:4px;')
    return edge.replace("<text ", '<text aria-hidden="true" ') + text(x, y, words, INK, anchor, weight="600")


def clipped(text: str, most: int) -> str:
    """Text cut to so many letters."""
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def number(value: float) -> str:
    """A coordinate: finite, short, never ``-0``."""
    if not math.isfinite(value):
        raise ValueError(f"a coordinate is not finite: {value}")
    return f"{round(value, 1):g}" if round(value, 1) else "0"


def svg(width: float, height: float, spoken: str, parts: Sequence[str]) -> str:
    """A whole image, with what a screen reader says of it."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {number(width)} {number(height)}" role="img" '
        f'aria-label="{escaped(spoken)}" font-family="system-ui, sans-serif">{"".join(parts)}</svg>'
    )
