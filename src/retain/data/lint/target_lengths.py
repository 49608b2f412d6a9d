"""Answers far shorter or longer than the others."""

from __future__ import annotations

import numpy as np

from retain.data.lint.base import Check, Finding, part
from retain.data.lint.material import LintData

LEAST_ROWS = 50
DEVIATIONS = 5.0
"""Robust standard deviations of the logarithm of the length. Lengths of answers are roughly log-normal; with 5 on each
side one row in a million is out by chance, and real sets have heavier tails."""
FACTOR = 4.0
"""And at least so many times shorter or longer than the median, for sets whose answers hardly differ."""
LARGEST = 0.02
"""With more such rows they are a second kind of answer, not slips."""


class TargetLengths(Check):
    """Answers whose length is far out of the set's range: slips of an export, whole documents, lost text.

    Measured in characters, on the logarithm, by the median and the median absolute deviation.
    Threshold: 5 robust deviations and a factor of 4 from the median; at most 2% of the rows, at least 50 rows.
    Relations: `truncated_targets` counts what is longer than training allows, `target_formats` looks at their form.
    """

    shapes = ("chat", "preference")

    def find(self, data: LintData) -> list[Finding]:
        """At most one finding."""
        if len(data.examples) < LEAST_ROWS:
            return []
        lengths = np.array([max(1, len(target.strip())) for target in data.targets], dtype=float)
        logs = np.log(lengths)
        middle = float(np.median(logs))
        spread = 1.4826 * float(np.median(np.abs(logs - middle)))
        away = np.abs(logs - middle)
        far = np.flatnonzero((away > DEVIATIONS * spread) & (away > np.log(FACTOR)))
        if not 0 < len(far) <= LARGEST * len(logs):
            return []
        rows = [data.examples[int(place)] for place in far[np.argsort(-away[far], kind="stable")]]
        usual = np.percentile(lengths, [5, 95])
        theirs = _span(lengths[far].min(), lengths[far].max())
        what = f"{part(len(rows), len(logs))} have an answer of {theirs} characters, where nine in ten have "
        what += f"{_span(*usual)}."
        do = "Look whether text was lost or whole documents slipped in; long answers weigh as much as many short ones."
        return [self.finding("note", rows, len(logs), what, do)]


def _span(least: float, most: float) -> str:
    """``12 to 40``; ``12`` where both are."""
    return f"{least:,.0f}" if round(least) == round(most) else f"{least:,.0f} to {most:,.0f}"
