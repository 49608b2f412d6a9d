"""Negatives of a query that are its relevant document in other clothes."""

from __future__ import annotations

from retain.data.lint.base import Check, Finding, graded, part, with_reasons
from retain.data.lint.material import LintData
from retain.data.lint.near import group_texts

MANY = 0.01
"""Share from which they are a warning: each teaches that an answer is none."""


class RelevantNegatives(Check):
    """Queries with a negative that is one of their relevant documents, or nearly (MinHash over pieces of 5 characters).

    A reranker that is trained on them learns to tell a document from itself. `retain run` counts exact copies as
    relevant; near ones stay negatives until you decide.
    Threshold: a weighted similarity of .8 (`near.py`) over all documents; one query is a note, 1% a warning.
    Relations: `unjudged_negatives` finds negatives that another row calls relevant.
    """

    shapes = ("ranking",)

    def find(self, data: LintData) -> list[Finding]:
        """At most one finding."""
        documents = list(dict.fromkeys(text for row in data.examples for text in (*row.positives, *row.negatives)))
        group = dict(zip(documents, group_texts(documents).of, strict=True))
        rows, reasons = [], []
        for row in data.examples:
            relevant = {group[text] for text in row.positives}
            alike = [text for text in row.negatives if group[text] in relevant]
            if alike:
                rows.append(row)
                reasons.append(f"not relevant: {' '.join(alike[0].split())[:60]}")
        if not rows:
            return []
        number = len(data.examples)
        what = f"{part(len(rows), number)} have a negative that is nearly one of their relevant documents."
        do = "Take these negatives out, or judge them."
        return [self.finding(graded(len(rows), number, MANY), rows, number, what, do, with_reasons(rows, reasons))]
