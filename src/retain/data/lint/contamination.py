"""Training rows that contain a probe's items."""

from __future__ import annotations

from collections.abc import Mapping

from retain.data.example import Example
from retain.data.lint.base import Check, Finding, part
from retain.data.lint.material import LintData
from retain.data.overlap import Overlap, overlap_finder


class Contamination(Check):
    """Rows that contain an item of a probe: they would make retention look better than it is.

    Threshold: one row; 13 words in a row, or all of a shorter item (`data/overlap.py`, which says why and knows a
    probe's own template).
    Relations: `held_out_duplicates` does the same for the task's own held-out rows.
    """

    needs = ("items",)

    def find(self, data: LintData) -> list[Finding]:
        """At most one finding."""
        found = self._overlaps(data)
        if not found:
            return []
        rows = [data.examples[place] for place in found]
        probes = sorted({overlap.probe for overlap in found.values()})
        what = f"{part(len(rows), len(data.examples))} contain an item of a probe ({', '.join(probes)})."
        do = "Remove these rows, or leave the probe out of the suite."
        words = {(row.source, row.line): found[place].words for place, row in zip(found, rows, strict=True)}

        def text(row: Example) -> str:
            return words[row.source, row.line]

        return [self.finding("error", rows, len(data.examples), what, do, text)]

    def drops(self, data: LintData) -> Mapping[int, str]:
        """All of them."""
        return {
            place: f"contains item {hit.item} of the probe {hit.probe}" for place, hit in self._overlaps(data).items()
        }

    def _overlaps(self, data: LintData) -> dict[int, Overlap]:
        if not data.items:
            return {}
        find = overlap_finder(data.items)
        hits = ((place, find(example)) for place, example in enumerate(data.examples))
        return {place: hit for place, hit in hits if hit is not None}
