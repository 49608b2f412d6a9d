"""Negatives that were never judged for their query, and that another row calls relevant to nearly the same one."""

from __future__ import annotations

from collections import defaultdict

from retain.data.lint.base import Check, Finding, graded, part, with_reasons
from retain.data.lint.material import LintData
from retain.data.splits import folded

MANY = 0.01
"""Share from which they are a warning: each teaches that an answer is none."""


class UnjudgedNegatives(Check):
    """Queries with a negative that is relevant to nearly the same query elsewhere: it was mined, and never judged.

    Hard negatives come from a first stage, which ranks answers high as well; where two rows ask nearly the same, the
    answer of one is easily mined for the other. Held-out rows are looked at too.
    Threshold: queries with a weighted similarity of .8 (`near.py`); one query is a note, 1% a warning.
    Relations: `relevant_negatives` finds negatives that are the query's own relevant documents; `held_out_duplicates`
    finds queries that are in training and in held-out rows; `training.ranking.negatives.filter` drops what the base
    holds for answers.
    """

    shapes = ("ranking",)

    def find(self, data: LintData) -> list[Finding]:
        """At most one finding, about training rows."""
        number = len(data.examples)
        relevant: dict[int, dict[str, int]] = defaultdict(dict)
        for place, row in enumerate([*data.examples, *data.held_out]):
            for text in row.positives:
                relevant[data.near.of[place]].setdefault(folded(text), place)
        rows, reasons = [], []
        for place, row in enumerate(data.examples):
            known = relevant[data.near.of[place]]
            own = {folded(text) for text in row.positives}
            others = [known[key] for key in map(folded, row.negatives) if key in known and key not in own]
            if others:
                like = others[0]
                where = "row" if like < number else "held-out row"
                line = (data.examples[like] if like < number else data.held_out[like - number]).line
                rows.append(row)
                reasons.append(f"relevant in {where} {line}")
        if not rows:
            return []
        what = f"{part(len(rows), number)} have a negative that is relevant to nearly the same query elsewhere."
        do = "Judge these negatives, or put the rows of nearly the same query together."
        return [self.finding(graded(len(rows), number, MANY), rows, number, what, do, with_reasons(rows, reasons))]
