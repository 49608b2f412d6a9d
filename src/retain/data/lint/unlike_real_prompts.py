"""Training inputs that a simple classifier tells from real prompts."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retain.data.lint.base import Check, Finding
from retain.data.lint.masking import masked
from retain.data.lint.material import LintData

LEAST_PROMPTS = 20
MOST_PROMPTS = 3000
"""Of each side, drawn at random: a standard error of the AUC under .01."""
EASY = 0.75
"""AUC from which it is said: the classifier is right in three of four pairs of one training and one real prompt."""
FOLDS = 5
LONGEST = 2000
"""Characters of a prompt that are read."""
MOST_NAMED = 6


class UnlikeRealPrompts(Check):
    """Training inputs that a classifier tells from a file of real prompts, with the words that give them away.

    Logistic regression on words and pairs of words, cross-validated: the AUC is the probability that a training prompt
    looks more like a training prompt than a real one does; .5 is guessing. A classifier two-sample test (Lopez-Paz and
    Oquab 2017, arXiv 1610.06545): held-out rows of the same source share such quirks and cannot show what they cost.
    Threshold: the AUC's lower 95% bound (Hanley and McNeil 1982) is above .75; at least 20 prompts a side.
    Relations: `shared_templates` needs no real prompts. Real prompts are those of `--real`, or a recipe's `shifted`
    rows.
    """

    needs = ("real",)
    shapes = ("chat", "preference", "ranking")

    def find(self, data: LintData) -> list[Finding]:
        """At most one finding."""
        texts = list(dict.fromkeys(data.asked))
        drawn = random.Random(0).sample(texts, min(MOST_PROMPTS, len(texts)))
        unique = list(dict.fromkeys(data.real))
        real = [masked(text) for text in random.Random(0).sample(unique, min(MOST_PROMPTS, len(unique)))]
        if min(len(drawn), len(real)) < LEAST_PROMPTS:
            return []
        auc, words = _told_apart(drawn, real)
        if auc - 1.645 * _error(auc, len(drawn), len(real)) <= EASY:
            return []
        what = (
            f"A word classifier tells training inputs from real prompts with an AUC of {auc:.2f} (.5 is guessing); "
            f"training inputs say: {', '.join(words[0])}; real ones: {', '.join(words[1])}."
        )
        do = "Add rows written as real prompts are, and measure on real ones (data.held_out.shifted)."
        places = {text: place for place, text in reversed(list(enumerate(data.asked)))}
        rows = [data.examples[places[text]] for text in drawn[:3]]
        return [self.finding("warning", rows, len(data.examples), what, do, count=len(data.examples))]


def _told_apart(trained: list[str], real: list[str]) -> tuple[float, tuple[list[str], list[str]]]:
    """The cross-validated AUC, and the words that speak most for each side."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline

    texts = [text[:LONGEST] for text in (*trained, *real)]
    sides = np.array([1] * len(trained) + [0] * len(real))
    options: dict[str, Any] = {"ngram_range": (1, 2), "token_pattern": r"\w+|[^\w\s]", "max_features": 30_000}
    model = make_pipeline(
        TfidfVectorizer(sublinear_tf=True, min_df=2, **options),
        LogisticRegression(class_weight="balanced", max_iter=300),
    )
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    try:
        guessed = cross_val_predict(model, texts, sides, cv=folds, method="predict_proba")[:, 1]
    except ValueError:  # no word is in two prompts
        return 0.5, ([], [])
    model.fit(texts, sides)
    weights: NDArray[Any] = model[-1].coef_[0]
    names = model[0].get_feature_names_out()
    order = np.argsort(weights)
    first, last = ([str(names[place]) for place in some[:MOST_NAMED]] for some in (order[::-1], order))
    return float(roc_auc_score(sides, guessed)), (first, last)


def _error(auc: float, one: int, other: int) -> float:
    """The standard error of an AUC (Hanley and McNeil 1982)."""
    both, twice = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = auc * (1 - auc) + (one - 1) * (both - auc**2) + (other - 1) * (twice - auc**2)
    return math.sqrt(max(0.0, variance) / (one * other))
