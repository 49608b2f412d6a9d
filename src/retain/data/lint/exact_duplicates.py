"""Rows that repeat an earlier row."""

from __future__ import annotations

from collections.abc import Mapping

from retain.data.lint.base import Check, Finding
from retain.data.lint.material import LintData

MANY = 0.01
"""Share from which repeats are a warning. Repeated rows are learned by heart first (Lee et al. 2022, arXiv 2107.06499,
found 0.4 to 13.6% near-duplicates in common sets); under one percent they cost little."""


class ExactDuplicates(Check):
    """Rows whose whole content is that of an earlier row (Lee et al. 2022, arXiv 2107.06499).

    Threshold: one row is a note, 1% of the rows a warning.
    Relations: `near_duplicates` finds those that differ a little, `held_out_duplicates` those that are also measured
    on.
    """

    repeats = True

    def find(self, data: LintData) -> list[Finding]:
        """At most one finding."""
        do = "Keep one of each (--fix does), unless you repeat rows on purpose."
        return self.repeats_found(data, MANY, "repeat an earlier row.", do)

    def drops(self, data: LintData) -> Mapping[int, str]:
        """All but the first of each."""
        first: dict[str, int] = {}
        found = {}
        for place, example in enumerate(data.examples):
            earlier = first.setdefault(example.id, place)
            if earlier != place:
                found[place] = f"the same as line {data.examples[earlier].line}"
        return found
