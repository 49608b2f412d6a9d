"""Preference pairs whose two answers are the same."""

from __future__ import annotations

from collections.abc import Mapping

from retain.data.lint.base import Check, Finding, part
from retain.data.lint.material import LintData
from retain.data.splits import folded


class IdenticalPairs(Check):
    """Pairs whose chosen and rejected answers differ in case and white space at most: they prefer nothing.

    Threshold: one row is a warning; where all are the same it is an error, because nothing can be learned.
    Relations: `inconsistent_labels` finds answers that one row chooses and another rejects.
    """

    shapes = ("preference",)

    def find(self, data: LintData) -> list[Finding]:
        """At most one finding."""
        rows = [data.examples[place] for place in self.drops(data)]
        if not rows:
            return []
        number = len(data.examples)
        what = f"{part(len(rows), number)} have the same answer as chosen and as rejected."
        return [
            self.finding("error" if len(rows) == number else "warning", rows, number, what, "Take these pairs out.")
        ]

    def drops(self, data: LintData) -> Mapping[int, str]:
        """All of them."""
        return {
            place: "chosen and rejected are the same"
            for place, row in enumerate(data.examples)
            if row.shape == "preference" and folded(row.chosen) == folded(row.rejected)
        }
