"""The figure of an advice: what each rung scores, with its interval."""

from __future__ import annotations

from retain.advice_records import WORDS, AdviceRecord, Rung
from retain.reporting.drawing import (
    INK,
    SERIES,
    SOFT,
    Box,
    Scale,
    bar,
    diamond,
    dot,
    escaped,
    linear,
    places,
    rule,
    svg,
    text,
    y_axis,
)
from retain.reporting.numbers import finite, plain

HIGH = 300


def advice_figure(record: AdviceRecord, width: int = 760) -> str:
    """The rungs side by side, from zero to a hundred points; empty where a score is no number."""
    rungs = record.rungs
    if not all(finite(rung.value, rung.low, rung.high) for rung in rungs):
        return ""
    box = Box(50, width - 14, 26, HIGH - 40)
    x, y = places(len(rungs), box.left, box.right), linear(0, 100, box.bottom, box.top)
    parts = [y_axis(y, 0, 100, box), text(box.left - 36, 14, f"{record.task_metric} (points)", SOFT)]
    parts += _margin(record, box, y)
    for place, rung in enumerate(rungs):
        advised = rung.name == record.advised.rung
        mark = diamond(x(place), y(rung.value), SERIES[2]) if advised else dot(x(place), y(rung.value), SERIES[0])
        stem = bar(x(place), y(rung.low), y(rung.high), SERIES[2] if advised else SERIES[0])
        parts.append(f"<g><title>{escaped(_spoken(rung))}</title>{stem}{mark}</g>")
        weight = "600" if advised else "400"
        parts.append(text(x(place), box.bottom + 20, WORDS[rung.name], INK, "middle", weight=weight))
    return svg(width, HIGH, f"Scores of the rungs. {'; '.join(map(_spoken, rungs))}", parts)


def _margin(record: AdviceRecord, box: Box, y: Scale) -> list[str]:
    """The line that the advised rung had to reach."""
    best = next((one.best for one in record.standings if one.rung == record.advised.rung), None)
    if best is None:
        return []
    at = y(max(0.0, next(rung.value for rung in record.rungs if rung.name == best) - record.margin))
    return [rule(box.left, at, box.right, at, SOFT, 1.2, dash="5 4")]


def _spoken(rung: Rung) -> str:
    return f"{WORDS[rung.name]}: {plain(rung.value)} ({plain(rung.low)} to {plain(rung.high)})"
