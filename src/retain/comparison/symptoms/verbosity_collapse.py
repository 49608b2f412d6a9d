"""Answers that became a fraction of the base's, or no longer end."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from retain.comparison.symptoms.examples import worst_example
from retain.comparison.symptoms.judging import Shift, mean_bounds, most_in, rise
from retain.comparison.symptoms.rule import SymptomRule, threshold_in_words
from retain.comparison.symptoms.side_by_side import Answered, Material, index_of
from retain.records import Symptom

LENGTH, ENDS = "lengths of answers", "ends of answers"
HALF = -50.0
"""Percent of the base's length: see ``VerbosityCollapse``."""
UNENDED = 10.0
"""Points of 100 answers: see ``VerbosityCollapse``."""
WORD = 5
"""Characters added to each length, about a word, so that an empty answer has a ratio too."""


class VerbosityCollapse(SymptomRule):
    """Answers to open prompts shrink to half of the base's or less, or no longer end before the limit.

    Main numbers: the geometric mean of the ratio of lengths (characters, tuned over base, item by item) in percent
    (lower = worse), and the share of answers that ran into the limit (higher = worse).

    Found at 50% or less of the base's length: half of what was said is missing then, whatever the style. After training
    on labels or JSON, fine-tunes whose open answers stayed prose keep 72 to 94%, those that answer nearly everything
    with labels 10 to 38% (benchmarks/symptoms). Answers of the base that were cut off count with their cut length,
    which makes the ratio too large, never too small.

    Found from 10 points more answers that do not end, clear of 0: more than for lost answers (3 to 5 points), since an
    answer that is cut off by a tight limit can still be right; the built-in suite cuts half of its base's answers.

    Relations: ``mode_collapse`` tells whether short answers have the task's form; ``syntactic_noise`` finds the
    loops that answers without an end fall into. That answers end sooner than the base's is no symptom by itself.
    """

    def read(self, material: Material) -> list[Symptom]:
        """One entry for lengths, one for ends."""
        if not material.answers:
            return [self.untold(where, material.missing) for where in (LENGTH, ENDS)]
        return [self._lengths(material), self._ends(material.answers)]

    def _lengths(self, material: Material) -> Symptom:
        answers = material.answers
        logs = np.array([_length(one.tuned.text) - _length(one.base.text) for one in answers])
        low, high = mean_bounds(logs, material.index)
        if not math.isfinite(low):
            return self.untold(LENGTH, "A single answer, or several to one wording, say nothing of lengths.")
        ratio = 100 * math.exp(float(logs.mean()))
        shift = Shift(100.0, ratio, _percent(low) - 100, _percent(high) - 100, len(answers))
        found = shift.reaches(HALF)
        statement = (
            f"Answers have {ratio:.0f}% of the base's length (geometric mean; 95% interval {_percent(low):.0f} to "
            f"{_percent(high):.0f}%; {len(answers):,} answers). {threshold_in_words(found, HALF, 'percent')}"
        )
        half = [one for one, log in zip(answers, logs, strict=True) if log <= math.log(1 + HALF / 100)]
        return self.judged(LENGTH, shift, found, statement, worst_example(half))

    def _ends(self, answers: Sequence[Answered]) -> Symptom:
        known = [one for one in answers if one.base.tokens is not None and one.tuned.tokens is not None]
        if not known:
            return self.untold(ENDS, "The measurements do not say which answers ran into the limit.")
        before, after = [not one.base.stopped for one in known], [not one.tuned.stopped for one in known]
        shift = rise(before, after, index_of(known))
        found = shift.reaches(UNENDED)
        worst = most_in([one.capability for one in known], before, after)
        statement = f"Answers that ran into the limit: {shift.in_words()}{worst if found else ''}."
        endless = [one for one, old, new in zip(known, before, after, strict=True) if new and not old]
        shown = worst_example(endless)
        return self.judged(ENDS, shift, found, f"{statement} {threshold_in_words(found, UNENDED)}", shown)


def _length(text: str) -> float:
    return math.log(len(text.strip()) + WORD)


def _percent(log: float) -> float:
    return 100 * math.exp(log) if math.isfinite(log) else (0.0 if log < 0 else math.inf)
