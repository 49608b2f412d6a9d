"""Too few rows to learn from, or to measure on."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from retain.data.example import Example
from retain.data.lint.base import Check, Finding, counted
from retain.data.lint.material import LintData

FEW = 50
"""Different rows to learn from. OpenAI's guide to fine-tuning sees clear improvements from 50 to 100 rows on."""
PASSAGE = 1000
"""Characters of a text that are as much to learn from as a row."""
FEW_HELD_OUT = 100
"""Different rows to measure on: with 100, a gain of 20 points is told from none, with 400 one of 10."""
FLIPPED = 0.5
"""Share of the rows that a fine-tune moves from wrong to right or back, for the size of what can be seen."""


class TooFewRows(Check):
    """Fewer different rows than a fine-tune, or a claim about it, needs.

    Threshold: 50 training rows (of texts, as many thousand characters), 100 held-out rows; repeats do not count. What
    n held-out rows can show is about 2.8 sqrt(psi / n) with psi the share of flipped rows (80% power at 5%, two-sided).
    Only those that the gain is measured on count, and none of plain text, which is measured in bits per byte.
    Relations: `rare_labels` and `sparse_coverage` look at parts of a set; a verdict says itself how many items it
    needs.
    """

    def find(self, data: LintData) -> list[Finding]:
        """One finding for the training rows and one for the held-out rows."""
        findings = []
        distinct = len({example.id for example in data.examples})
        if 0 < _amount(data.examples) < FEW:
            what = f"There {'is' if distinct == 1 else 'are'} only {counted(distinct, 'different row')} to learn from."
            do = f"Bring at least {FEW}, or give the examples in the prompt instead of training on them."
            findings.append(self.finding("warning", data.examples[:1], len(data.examples), what, do, count=distinct))
        return findings + self._measured(data.measured or data.held_out)

    def _measured(self, rows: Sequence[Example]) -> list[Finding]:
        """At most one finding for the rows that the gain is measured on."""
        number = len({example.id for example in rows})
        if not 0 < number < FEW_HELD_OUT or rows[0].shape == "text":
            return []
        seen = 280 * math.sqrt(FLIPPED / number)
        what = f"{counted(number, 'different held-out row')} to measure on: gains under about {seen:.0f} points cannot "
        do = f"Hold out more rows, so that at least {FEW_HELD_OUT} are measured."
        return [self.finding("note", rows[:1], len(rows), f"{what}be told.", do, count=number)]


def _amount(examples: Iterable[Example]) -> int:
    """Different rows; of a long text each thousand characters are one."""
    return sum(max(1, len(row.text) // PASSAGE) for row in {row.id: row for row in examples}.values())
