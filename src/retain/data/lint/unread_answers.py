"""Plain texts with an answer beside them that is not read."""

from __future__ import annotations

from collections import Counter

from retain.data.lint.base import Check, Finding, graded, part
from retain.data.lint.material import LintData

MANY = 0.5


class UnreadAnswers(Check):
    """Plain texts with a column beside them that looks like their answer, such as "label", and is not read.

    Rows of text and label are how sets for classification are mostly written; read as plain text, they teach to write
    such texts and nothing about their labels.
    Threshold: one row with such a column; a warning from half of the rows on, as some web text has a few.
    Relations: rows with an answer and without a text cannot be read at all (`unreadable_rows`).
    """

    shapes = ("text",)

    def find(self, data: LintData) -> list[Finding]:
        """At most one finding, about the column that most rows have."""
        counts = Counter(row.unread for row in data.examples if row.unread)
        if not counts:
            return []
        ((column, _),) = counts.most_common(1)
        rows = [row for row in data.examples if row.unread == column]
        number = len(data.examples)
        what = f"{part(len(rows), number)} are read as plain text, and their column `{column}` is not read."
        do = (
            f"To train for it, rename `text` to `prompt` and `{column}` to `completion` (words, not numbers); to train "
            "on the text alone, leave that column out."
        )
        return [self.finding(graded(len(rows), number, MANY), rows, number, what, do)]
