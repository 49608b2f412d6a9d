"""Labels with too few rows to be learned."""

from __future__ import annotations

from collections import Counter

from retain.data.lint.base import Check, Finding, part
from retain.data.lint.material import LintData

FEWEST = 5
"""Rows of a label. Work on intents with few rows begins at ten a label (Casanueva et al. 2020, arXiv 2003.04807); half
of that is no training set."""
MOST_LABELS = 0.2
"""Distinct answers among the rows: with more they are slots or phrases, not labels."""
COVERED = 0.9
"""Share of the rows whose label is not rare; else rare ones are the rule, and the set is no set of labels."""


class RareLabels(Check):
    """Labels that fewer than five rows have, in a set of labels.

    Threshold: distinct answers are at most 20% of the rows, and nine rows of ten have a label that is not rare.
    Relations: `sparse_coverage` looks at what is asked instead of what is answered.
    """

    shapes = ("chat",)

    def find(self, data: LintData) -> list[Finding]:
        """At most one finding."""
        counts = Counter(data.answers)
        if not data.closed or len(counts) > MOST_LABELS * len(data.examples):
            return []
        rows = [row for row, label in zip(data.examples, data.answers, strict=True) if counts[label] < FEWEST]
        if not rows or len(rows) > (1 - COVERED) * len(data.examples):
            return []
        rare = sum(count < FEWEST for count in counts.values())
        what = f"{rare} of {len(counts)} labels have fewer than {FEWEST} rows: {part(len(rows), len(data.examples))}."
        do = "Add rows for these labels, join them with others, or check that they are not slips."
        return [self.finding("warning", rows, len(data.examples), what, do)]
