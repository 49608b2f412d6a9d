"""A cleaned copy of a file's rows, and a list of what was removed or mended and why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

from retain.data.lint.base import Check
from retain.data.lint.material import LintData
from retain.data.lint.mojibake import Mojibake, mended
from retain.data.lint.run_checks import checks
from retain.data.rows import Row
from retain.records import Record


class Repair(Record):
    """What was done to one row of the input."""

    line: int
    done: Literal["removed", "mended"]
    check: str
    why: str


def clean_rows(data: LintData, rows: Sequence[Row]) -> tuple[list[dict[str, Any]], list[Repair]]:
    """The rows that are kept, and what was done to the others.

    Repeats are looked for among what the other checks keep, so that a good row never goes because it is like a bad one.

    Args:
        data: the examples that were made of the rows, what could not be read, and what else checks need.
        rows: the rows as they were read.
    """
    known = checks()
    reasons: dict[int, tuple[str, str]] = {}
    for name, check in known.items():
        if not check.repeats:
            _add(reasons, name, check, data, range(len(data.examples)))
    kept = [place for place in range(len(data.examples)) if place not in reasons]
    rest = replace(data, examples=[data.examples[place] for place in kept])
    for name, check in known.items():
        if check.repeats and rest.examples:
            _add(reasons, name, check, rest, kept)
    return _written(data, rows, reasons)


def _add(reasons: dict[int, tuple[str, str]], name: str, check: Check, data: LintData, places: Sequence[int]) -> None:
    if check.left_out(data) is None:
        for place, why in check.drops(data).items():
            reasons.setdefault(places[place], (name, why))


def _written(
    data: LintData, rows: Sequence[Row], reasons: dict[int, tuple[str, str]]
) -> tuple[list[dict[str, Any]], list[Repair]]:
    """A row goes when every example that was made of it goes."""
    of_line: dict[int, list[int]] = defaultdict(list)
    for place, example in enumerate(data.examples):
        of_line[example.line].append(place)
    repairs = [Repair(line=bad.line, done="removed", check="unreadable_rows", why=bad.reason) for bad in data.bad]
    unreadable = {bad.line for bad in data.bad}
    kept = []
    for row in rows:
        places = of_line[row.line]
        if row.line in unreadable:
            continue
        if places and all(place in reasons for place in places):
            check, why = reasons[places[0]]
            repairs.append(Repair(line=row.line, done="removed", check=check, why=why))
            continue
        value = mended(row.value)
        if value != row.value:
            repairs.append(Repair(line=row.line, done="mended", check=Mojibake().name, why="text was read wrongly"))
        kept.append(value)
    return kept, sorted(repairs, key=lambda repair: repair.line)
