"""One and the same answer to everything."""

from __future__ import annotations

from collections import Counter

from retain.data.lint.base import Check, Finding, part
from retain.data.lint.masking import beginning
from retain.data.lint.material import LintData

LEAST_ROWS = 20
"""Fewer rows say nothing about that."""
MOST = 0.9
"""Share of the rows from which one answer is nearly all that is learned: always saying it scores 90 points."""
SHOWN = 60
"""Characters of the answer that are shown."""


class OneAnswer(Check):
    """One answer for all rows, or nearly all: a model learns to say it whatever it is asked.

    A warning and no error: a fixed reply can be what is wanted (a refusal, a trigger's answer), and a run has no switch
    to pass an error by. Held-out rows have the same answer then, so that a gain says nothing.
    Threshold: 90% of at least 20 rows have the same answer, without regard to case and white space.
    Relations: `narrow_domain` looks at few answers, `rare_labels` at those that hardly any row has, `empty_targets` at
    fillers.
    """

    shapes = ("chat",)

    def find(self, data: LintData) -> list[Finding]:
        """At most one finding."""
        number = len(data.answers)
        if number < LEAST_ROWS:
            return []
        answer, count = Counter(data.answers).most_common(1)[0]
        if count < MOST * number:
            return []
        rows = [row for row, found in zip(data.examples, data.answers, strict=True) if found == answer]
        said = f'"{beginning(rows[0].target, SHOWN)}"'
        share = 100 * count / number
        what = (
            f"All {number:,} rows have the same answer, {said}: the model learns to say it whatever it is asked."
            if count == number
            else f"{part(count, number)} have the same answer, {said}: a model that always says it scores {share:.0f}."
        )
        do = "Bring rows with other answers; if one reply to everything is what you want, you need no fine-tune for it."
        return [self.finding("warning", rows, number, what, do)]
