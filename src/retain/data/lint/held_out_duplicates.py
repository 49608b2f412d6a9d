"""Held-out rows that are nearly training rows."""

from __future__ import annotations

from collections.abc import Mapping

from retain.data.lint.base import Check, Finding, graded, part, with_reasons
from retain.data.lint.material import LintData
from retain.data.splits import folded

MANY = 0.01
"""Share from which they are a warning: a gain of one point may then be memory."""


class HeldOutDuplicates(Check):
    """Held-out rows whose input is that of a training row, or nearly (MinHash over pieces of 5 characters).

    They measure what was learned by heart. `retain run` takes training rows whose input is exactly a held-out one out
    by itself; those that are nearly the same stay until you decide.
    Threshold: a weighted similarity of .8 (`near.py`); one row is a note, 1% of the held-out rows a warning.
    Relations: `shared_templates` finds held-out rows that differ from training rows by names and numbers only.
    """

    needs = ("held_out",)

    def find(self, data: LintData) -> list[Finding]:
        """At most one finding, about held-out rows."""
        number = len(data.examples)
        first = {group: place for place, group in reversed(list(enumerate(data.near.of[:number])))}
        keys = set(data.near.keys[:number])
        rows, reasons, same, differ = [], [], 0, 0
        for place, example in enumerate(data.held_out, number):
            if (like := first.get(data.near.of[place])) is not None:
                rows.append(example)
                reasons.append(f"training row {data.examples[like].line}")
                same += data.near.keys[place] in keys
                differ += data.shape == "chat" and folded(example.target) != data.answers[like]
        if not rows:
            return []
        what = (
            f"{part(len(rows), len(data.held_out), 'held-out row')} have an input that is also trained: {same:,} the "
            f"same but for case and punctuation, {len(rows) - same:,} nearly"
            f"{f'; {differ:,} have another answer there' if differ and data.closed else ''}."
        )
        do = "Take the training rows out (--fix does), or split by groups of like rows."
        severity = graded(len(rows), len(data.held_out), MANY)
        return [self.finding(severity, rows, len(data.held_out), what, do, with_reasons(rows, reasons))]

    def drops(self, data: LintData) -> Mapping[int, str]:
        """The training rows."""
        if not data.held_out:
            return {}
        number = len(data.examples)
        measured = {data.near.of[place]: place - number for place in reversed(range(number, len(data.near.of)))}
        return {
            place: f"nearly the held-out row in line {data.held_out[measured[first]].line}"
            for place, first in enumerate(data.near.of[:number])
            if first in measured
        }
