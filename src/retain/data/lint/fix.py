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

Reasons = dict[int, tuple[str, str]]
"""Place of an example -> the check that drops it, and why."""
MENDED = "text in the wrong encoding, or control characters"


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
    bad: Reasons = {}
    for name, check in known.items():
        if not check.repeats:
            _add(bad, name, check, data, range(len(data.examples)))
    lines = {data.examples[place].line for place in bad}
    kept = [place for place, example in enumerate(data.examples) if example.line not in lines]
    rest = replace(data, examples=[data.examples[place] for place in kept])
    again: Reasons = {}
    for name, check in known.items():
        if check.repeats and rest.examples:
            _add(again, name, check, rest, kept)
    return _written(data, rows, bad, again)


def _add(reasons: Reasons, name: str, check: Check, data: LintData, places: Sequence[int]) -> None:
    if check.left_out(data) is None:
        for place, why in check.drops(data).items():
            reasons.setdefault(places[place], (name, why))


def _written(
    data: LintData, rows: Sequence[Row], bad: Reasons, again: Reasons
) -> tuple[list[dict[str, Any]], list[Repair]]:
    """A row goes where one of the examples that were made of it is bad, or all of them are repeats."""
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
        repeated = again if all(place in again for place in places) else {}
        if reason := next((found[place] for found in (bad, repeated) for place in places if place in found), None):
            check, why = reason
            repairs.append(Repair(line=row.line, done="removed", check=check, why=why))
            continue
        value = mended(row.value)
        if value != row.value:
            repairs.append(Repair(line=row.line, done="mended", check=Mojibake().name, why=MENDED))
        kept.append(value)
    return kept, sorted(repairs, key=lambda repair: repair.line)
