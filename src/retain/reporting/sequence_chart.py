"""Tasks or capabilities over the stages of a sequence, as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from retain.reporting.drawing import (
    SERIES,
    SOFT,
    Box,
    clipped,
    dot,
    finite_points,
    from_zero,
    legend,
    line,
    linear,
    padded,
    places,
    svg,
    text,
    y_axis,
)
from retain.reporting.numbers import plain
from retain.reporting.sequence_rows import own_row
from retain.reporting.text import one_line
from retain.sequence_records import SequenceRecord

LETTER = 7.0
"""Width of a letter in a legend."""
MOST_LETTERS = 22


@dataclass(frozen=True)
class Line:
    """One line: a name, a value for each row, and the row that is marked."""

    name: str
    values: Sequence[float | None]
    marked: int | None = None


def tasks_figure(record: SequenceRecord, width: int = 760) -> str:
    """Each task over the rows; empty where no task is a share."""
    courses = [
        Line(one_line(task.name), [row[column] for row in record.matrix], own_row(record, column))
        for column, task in enumerate(record.tasks)
        if task.counted
    ]
    return stage_plot(courses, record.rows, "Tasks over the stages", "points of 100", width)


def capabilities_figure(record: SequenceRecord, width: int = 760) -> str:
    """Each capability that is a share over the rows; empty where there is none."""
    courses = [Line(one_line(one.capability), one.values) for one in record.capabilities if one.unit == "points"]
    return stage_plot(courses, record.rows, "Capabilities over the stages", "points of 100", width)


def stage_plot(courses: Sequence[Line], rows: Sequence[str], title: str, unit: str, width: int = 760) -> str:
    """Lines over rows at equal distances, their names above; empty where there is no point."""
    drawn = [
        (one, finite_points((place, value) for place, value in enumerate(one.values) if value is not None))
        for one in courses
    ]
    drawn = [(one, points) for one, points in drawn if points]
    if not drawn:
        return ""
    each = LETTER * min(MOST_LETTERS, max(len(one.name) for one, _ in drawn)) + 34
    in_line = max(1, int((width - 60) // each))
    top = 30 + 18 * ((len(drawn) - 1) // in_line + 1)
    box = Box(54, width - 14, top, top + 210)
    low, high = from_zero(*padded([value for _, points in drawn for _, value in points], 0.06))
    x, y = places(len(rows), box.left, box.right), linear(low, high, box.bottom, box.top)
    parts = [y_axis(y, low, high, box), text(box.left - 40, box.top - 12, unit, SOFT, "start", 11)]
    room = max(4, int((box.right - box.left) / len(rows) / LETTER))
    parts += [
        text(x(place), box.bottom + 18, clipped(one_line(name), room), SOFT, "middle", 11)
        for place, name in enumerate(rows)
    ]
    for number, (one, points) in enumerate(drawn):
        colour = SERIES[number % len(SERIES)]
        dash = "" if number < len(SERIES) else "5 4"
        parts.append(line(points, x, y, colour, end=False, dash=dash))
        parts += [dot(x(place), y(value), colour, 5.5 if place == one.marked else 3.5, place == one.marked)
                  for place, value in points]  # fmt: skip
        left = box.left + each * (number % in_line)
        parts.append(legend(one.name, left, 16 + 18 * (number // in_line), colour, MOST_LETTERS))
    spoken = f"{title}. " + "; ".join(
        f"{one.name}: " + ", ".join(plain(value) for _, value in points) for one, points in drawn
    )
    return svg(width, box.bottom + 30, spoken, parts)
