"""A set that is about one thing, or answers everything in one way."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import numpy as np

from retain.data.lint.about import LONGEST, TEMPLATE, TOKEN
from retain.data.lint.base import Check, Finding
from retain.data.lint.material import LintData

LEAST_ROWS = 50
MOST_ROWS = 2000
"""Rows that are compared, drawn at random: the mean over two million pairs."""
ALIKE = 0.03
"""Mean cosine of two inputs' content words. Sets for general use have .011 to .021 (Dolly, self-instruct seeds, HH,
C4), tasks .035 to .07 (banking77, restaurant8k, PubMedQA); docs/LOG.md, 2026-11-22."""
ENGLISH = 0.15
"""Least share of English function words (40 to 50% in prose) for the content words to be told from them."""
FEW_ANSWERS = 0.1
"""Distinct answers among the rows; with fewer, a model is taught one way of answering whatever is asked."""


class NarrowDomain(Check):
    """Inputs about one subject, or few answers for all rows: expect losses in the abilities next to them.

    Two inputs' likeness is the cosine of their content words (English function words and the words of the set's own
    template left out), averaged over pairs. Training on a narrow set is what a fine-tune is for; that it makes a model
    forget most next to what it learned is why it is said (Kotha et al. 2024, arXiv 2309.10105).
    Threshold: a mean cosine of .03, or distinct answers under 10% of the rows; at least 50 rows. Inputs in other
    languages than English are judged by their answers only.
    Relations: `sparse_coverage` looks for the thin parts of a set, `one_answer` for one answer to everything.
    """

    shapes = ("chat", "text", "preference")

    def find(self, data: LintData) -> list[Finding]:
        """At most one finding."""
        if len(data.examples) < LEAST_ROWS:
            return []
        alike, words = _likeness(data.asked)
        few = data.closed and 1 < len(set(data.answers)) < FEW_ANSWERS * len(data.answers)
        about = f"inputs are about one thing ({', '.join(words)}; mean likeness {alike:.3f}, under .02 in general sets)"
        same = f"{len(set(data.answers)):,} different answers serve all {len(data.answers):,} rows"
        found = [text for text, true in ((about, alike >= ALIKE), (same, few)) if true]
        if not found:
            return []
        what = f"The set is narrow: {' and '.join(found)}; expect losses next to this domain and in free answers."
        do = "Measure abilities near this domain (measure.suite); train with kl_to_base or rehearsal on general text."
        rows = random.Random(0).sample(list(data.examples), 3)
        return [self.finding("note", rows, len(data.examples), what, do, count=len(data.examples))]


def _likeness(texts: list[str]) -> tuple[float, list[str]]:
    """The mean cosine of two texts' content words, and the words that most of them have; 0 where it cannot be told."""
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, CountVectorizer
    from sklearn.preprocessing import normalize

    drawn = random.Random(0).sample(texts, min(MOST_ROWS, len(texts)))
    vectorizer = CountVectorizer(token_pattern=TOKEN, dtype=np.float32)
    try:
        counts: Any = vectorizer.fit_transform(text[:LONGEST] for text in drawn)
    except ValueError:  # no words at all
        return 0.0, []
    names = vectorizer.get_feature_names_out()
    function = np.array([name in ENGLISH_STOP_WORDS for name in names])
    rows_with = counts.getnnz(axis=0)
    total = np.asarray(counts.sum(axis=0)).ravel()
    if total[function].sum() < ENGLISH * total.sum():
        return 0.0, []
    kept = ~function & (rows_with <= TEMPLATE * len(drawn))
    matrix = counts[:, kept]
    matrix = matrix[matrix.getnnz(axis=1) > 0]
    number = matrix.shape[0]
    if number < LEAST_ROWS:
        return 0.0, []
    matrix.data = 1 + np.log(matrix.data)
    matrix = normalize(matrix)
    together = np.asarray(matrix.sum(axis=0)).ravel()
    alike = (float(together @ together) - float(matrix.multiply(matrix).sum())) / (number * (number - 1))
    most = Counter(dict(zip(names[kept].tolist(), rows_with[kept].tolist(), strict=True))).most_common(5)
    return alike, [name for name, _ in most]
