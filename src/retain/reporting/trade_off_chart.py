"""Gain against mean loss: a point for each setting or run, with its intervals, and the margin it must not cross."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from retain.reporting.drawing import (
    INK,
    SHADE,
    SOFT,
    TONES,
    Box,
    Scale,
    Tone,
    clipped,
    dot,
    escaped,
    line,
    linear,
    name_tag,
    padded,
    rect,
    rule,
    signed_tick,
    svg,
    text,
    x_axis,
    y_axis,
)
from retain.reporting.numbers import finite, plain, signed

Range = tuple[float, float]


@dataclass(frozen=True)
class Trade:
    """What one setting or run gained and lost, in points of 100; ranges are 95% intervals where they are known."""

    label: str
    gain: float
    loss: float
    gain_range: Range | None = None
    loss_range: Range | None = None
    tone: Tone = "muted"
    passing: bool = True
    """Drawn filled; hollow otherwise."""
    chosen: bool = False


def trade_off(
    trades: Sequence[Trade],
    title: str,
    margin: float | None,
    width: int = 760,
    gain_unit: str = "points",
    joined: bool = False,
    kind: Literal["dev", "test"] = "test",
) -> str:
    """Gain upwards, mean loss to the right; best is the upper left corner. Empty where nothing can be drawn.

    Args:
        trades: points without finite gain and loss are not drawn.
        title: what a screen reader says first.
        margin: the largest mean loss that is accepted; what lies beyond is shaded.
        width: of the drawing, in its own units.
        gain_unit: of the upright axis.
        joined: draw a line through the points in their order.
        kind: of the items that both numbers are from.
    """
    drawn = [one for one in trades if finite(one.gain, one.loss)]
    if not drawn:
        return ""
    narrow = width < 520
    box = Box(52, width - 16, 30, 270 if narrow else 330)
    limit = margin if margin is not None and finite(margin) else None
    x_low, x_high = padded([0.0, *([] if limit is None else [limit]), *_ends(drawn, "loss")], 0.08)
    y_low, y_high = padded([0.0, *_ends(drawn, "gain")], 0.08)
    x, y = linear(x_low, x_high, box.left, box.right), linear(y_low, y_high, box.bottom, box.top)
    parts = [] if limit is None else _beyond(limit, x, box)
    parts.append(y_axis(y, y_low, y_high, box))
    parts.append(x_axis(x, x_low, x_high, box, f"mean loss in points ({kind} items; left is better)", signed_tick))
    parts.append(text(box.left - 44, box.top - 14, f"gain in {gain_unit}", INK, "start", 12, "600"))
    if joined:
        parts.append(line([(one.loss, one.gain) for one in drawn], x, y, SOFT, end=False, dash="2 4"))
    parts += [_spans(one, x, y) for one in drawn]
    parts += [_point(one, x, y) for one in drawn]
    parts += _names(drawn, x, y, box)
    spoken = "; ".join(f"{one.label}: gain {signed(one.gain)}, mean loss {plain(one.loss)}" for one in drawn)
    return svg(width, box.bottom + 48, f"{title}. {spoken}", parts)


def _ends(trades: Sequence[Trade], what: Literal["gain", "loss"]) -> list[float]:
    values = [getattr(one, what) for one in trades]
    ranges = [getattr(one, f"{what}_range") for one in trades]
    return [*values, *(end for ends in ranges if ends and finite(*ends) for end in ends)]


def _beyond(margin: float, x: Scale, box: Box) -> list[str]:
    at = x(margin)
    anchor = "end" if at > box.right - 80 else "start"
    return [
        rect(at, box.top, max(0.0, box.right - at), box.bottom - box.top, TONES["bad"], SHADE),
        rule(at, box.top, at, box.bottom, SOFT, 1.2, dash="3 3"),
        text(at + (4 if anchor == "start" else -4), box.top - 4, "mean margin", SOFT, anchor, 11),
    ]


def _spans(one: Trade, x: Scale, y: Scale) -> str:
    colour, parts = TONES[one.tone], []
    if one.loss_range and finite(*one.loss_range):
        parts.append(rule(x(one.loss_range[0]), y(one.gain), x(one.loss_range[1]), y(one.gain), colour, 1.6))
    if one.gain_range and finite(*one.gain_range):
        parts.append(rule(x(one.loss), y(one.gain_range[0]), x(one.loss), y(one.gain_range[1]), colour, 1.6))
    return f'<g opacity="0.55">{"".join(parts)}</g>' if parts else ""


def _point(one: Trade, x: Scale, y: Scale) -> str:
    colour = TONES[one.tone]
    ring = dot(x(one.loss), y(one.gain), colour, 9.5, hollow=True) if one.chosen else ""
    spoken = f"{one.label}: gain {signed(one.gain)}, mean loss {plain(one.loss)}"
    return f"<g><title>{escaped(spoken)}</title>{ring}{dot(x(one.loss), y(one.gain), colour, 5.5, not one.passing)}</g>"


def _names(trades: Sequence[Trade], x: Scale, y: Scale, box: Box) -> list[str]:
    """A name beside each point, moved down where it would lie on another."""
    parts: list[str] = []
    taken: list[tuple[float, float, float, float]] = []
    for one in sorted(trades, key=lambda one: y(one.gain)):
        words = clipped(one.label, 24) + (" (chosen)" if one.chosen else "")
        wide = 7.2 * len(words)
        start = x(one.loss) + 14 + wide <= box.right
        left = x(one.loss) + 12 if start else x(one.loss) - 12 - wide
        at = y(one.gain) - 6
        while any(a < left + wide and left < b and c < at and at - 13 < d for a, b, c, d in taken):
            at += 14
        taken.append((left, left + wide, at - 13, at))
        parts.append(name_tag(left if start else left + wide, at, words, "start" if start else "end"))
    return parts
