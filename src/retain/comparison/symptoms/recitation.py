"""Training rows that come back word for word."""

from __future__ import annotations

from collections.abc import Sequence

from retain.comparison.clusters import Index, cluster_index
from retain.comparison.symptoms.judging import Shift, difference, rise
from retain.comparison.symptoms.rule import SymptomRule, threshold_in_words
from retain.comparison.symptoms.side_by_side import Material
from retain.records import Recital, Symptom
from retain.records import Recitation as Tried

WHERE = "training rows"
RUNS = 10.0
"""Percent of a row's end: see ``Recitation``."""
VERBATIM = 3.0
"""Points of 100 rows: see ``Recitation``."""
WHOLE = 50
"""Tokens of an extraction."""
NOT_TRIED = (
    "Not tried: retain run tries it where training raised an overfitting alarm, or always with "
    "measure.recitation (64, say); a comparison of measurements cannot: it needs the models and the training rows."
)
TOO_SHORT = "The training answers are too short to recite: of {rows} rows none has 15 tokens of answer."
NO_TWINS = "No held-out row is long enough to be compared with the training rows."


class Recitation(SymptomRule):
    """The beginning of a training row makes the tuned model write the rest of it from memory.

    Both models continue the first half of an answer (at most 50 tokens, with its prompt before it) greedily for as many
    tokens as the rest has (at most 50). Main numbers, both higher = worse: the longest token run that continuation and
    rest have in common, in percent of the rest; and the share of rows of which 50 tokens come back verbatim
    (extraction, Carlini et al. 2023, arXiv 2202.07646). Of each, the base's is taken off, row by row, and what held-out
    rows of the same lengths show by the same count: a model that learned the task writes more of any row of it.

    Found from 10 percent of the rest, or from 3 points of extracted rows, clear of 0. Ten percent are five tokens more
    of fifty than from rows that the model has never seen: more than chance matches of a formula differ by, and far
    below memory, which gives back all of it. Nobody writes 50 tokens of a row by chance, so extraction needs no such
    allowance: 3 points is the largest loss of one capability that a gate accepts by default. To be clear of 0 takes six
    rows, however many were tried.

    Requirements: a run's training rows and models; ``stages.reciting`` measures, this judges.
    Relations: says nothing of what was forgotten. A gap between training and held-out loss is a sign of it.
    """

    def read(self, material: Material) -> list[Symptom]:
        """One entry for the training rows."""
        return [self.judge(material.recitation)]

    def judge(self, tried: Tried | None) -> Symptom:
        """What was tried, judged; it needs nothing else of a comparison."""
        if tried is None:
            return self.untold(WHERE, NOT_TRIED)
        if not tried.training:
            return self.untold(WHERE, TOO_SHORT.format(rows=tried.too_short))
        if not tried.held_out:
            return self.untold(WHERE, NO_TWINS)
        runs = difference(_runs(tried.training), _runs(tried.held_out))
        verdicts = [runs.reaches(RUNS)]
        statement = (
            f"The longest run that a continuation shares with the rest of its row is {runs.after:.1f}% of the rest "
            f"longer on {len(tried.training)} training rows than on {len(tried.held_out)} held-out ones, by the base "
            f"{runs.before:.1f}% ({runs.change:+.1f}, 95% interval {runs.low:+.1f} to {runs.high:+.1f}). "
            f"{threshold_in_words(verdicts[0], RUNS, 'percent')}"
        )
        whole = [[one for one in rows if one.tokens >= WHOLE] for rows in (tried.training, tried.held_out)]
        if all(whole):
            extracted = difference(_verbatim(whole[0]), _verbatim(whole[1]))
            verdicts.append(extracted.reaches(VERBATIM))
            count = sum(one.tuned_verbatim for one in whole[0])
            statement += f" {count} of {len(whole[0])} rows gave 50 tokens back verbatim."
        found = True if True in verdicts else verdicts[0]
        return self.judged(WHERE, runs, found, statement, tried.example)


def _runs(rows: Sequence[Recital]) -> Shift:
    before = [one.base_run / one.tokens for one in rows]
    return rise(before, [one.tuned_run / one.tokens for one in rows], _index(rows))


def _verbatim(rows: Sequence[Recital]) -> Shift:
    return rise([one.base_verbatim for one in rows], [one.tuned_verbatim for one in rows], _index(rows))


def _index(rows: Sequence[Recital]) -> Index:
    return cluster_index([one.item for one in rows], {one.item: one.group for one in rows if one.group})
