"""Rows that say nearly the same as an earlier row and teach the same answer."""

from __future__ import annotations

from collections.abc import Mapping

from retain.data.lint.base import Check, Finding
from retain.data.lint.material import LintData

MANY = 0.05
"""Share from which they are a warning: one row in twenty then adds nothing but weight on what it repeats."""


class NearDuplicates(Check):
    """Rows whose input is nearly that of an earlier row (MinHash over pieces of 5 characters), with the same answer.

    Threshold: a weighted similarity of .8 (`near.py`); one row is a note, 5% of the rows a warning. Texts are compared
    as a whole. Exact repeats are not counted again.
    Relations: the same input with *another* answer is `inconsistent_labels`; rows of one template with other names in
    it are `shared_templates`.
    """

    repeats = True

    def find(self, data: LintData) -> list[Finding]:
        """At most one finding."""
        do = "Keep one of each unless the wording is what the model should learn to see through."
        return self.repeats_found(data, MANY, "are nearly the same as an earlier row, with the same answer.", do)

    def drops(self, data: LintData) -> Mapping[int, str]:
        """All but the first of each group of one answer."""
        first: dict[tuple[int, str], int] = {}
        seen: set[str] = set()
        found = {}
        for place, example in enumerate(data.examples):
            earlier = first.setdefault((data.near.of[place], data.answers[place]), place)
            if earlier != place and example.id not in seen:
                found[place] = f"nearly the same as line {data.examples[earlier].line}"
            seen.add(example.id)
        return found
