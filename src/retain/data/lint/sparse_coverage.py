"""Topics that only few rows are about."""

from __future__ import annotations

from retain.data.lint.about import Topics
from retain.data.lint.base import Check, Finding
from retain.data.lint.material import LintData

THIN = 1 / 3
"""A topic is thin with fewer rows than this share of the usual topic's (`Topics.usual`). Topics of real sets differ
two- to threefold without any being neglected."""
ENOUGH = 30
"""Rows from which no topic is thin, however large the others are."""
FEWEST = 3
"""Two rows are no topic."""
OWN_WORDS = 3
"""A thin topic has so many words of its own; without, it is a splinter of another topic."""
ONE = 0.5
"""Where the usual topic has more of the rows than this, the set has one subject, or texts too long to be told apart by
words."""
FEWEST_TOPICS = 4
"""With fewer there is no usual size."""
LARGEST = 0.1
"""Together thin topics have at most this share of the rows; where they have more, small topics are how the set is."""
MOST_NAMED = 5


class SparseCoverage(Check):
    """Topics with far fewer rows than the others, each with its words and a row (`about.py`).

    A model learns to answer there from next to nothing, and held-out rows drawn at random will not show it.
    Threshold: fewer rows than a third of the usual topic's and than 30, with three words of its own; at least 100 rows.
    Relations: `narrow_domain` says whether the whole set is about one thing; `rare_labels` counts by answer.
    """

    shapes = ("chat", "text", "preference")

    def find(self, data: LintData) -> list[Finding]:
        """At most one finding."""
        topics = data.topics
        if topics is None or len(topics.sizes) < FEWEST_TOPICS or topics.usual > ONE * topics.sizes.sum():
            return []
        most = min(ENOUGH, THIN * topics.usual)
        thin = [
            topic
            for topic, size in enumerate(topics.sizes)
            if FEWEST <= size < most and len(topics.own[topic]) >= OWN_WORDS
        ]
        thin.sort(key=lambda topic: int(topics.sizes[topic]))
        places = [place for topic in thin for place in topics.rows(topic)]
        if not thin or len(places) > LARGEST * len(data.examples):
            return []
        shown = [data.examples[topics.rows(topic)[0]] for topic in thin]
        what = (
            f"{len(thin)} of {len(topics.sizes)} topics have few rows, where the usual one has {topics.usual:.0f}: "
            f"{_named(topics, thin)}."
        )
        do = "Add rows on these topics, or take them out and say that the model is not made for them."
        return [self.finding("note", shown, len(data.examples), what, do, lambda row: row.input, len(places))]


def _named(topics: Topics, thin: list[int]) -> str:
    names = [f'"{", ".join(topics.own[topic][:4])}" {topics.sizes[topic]}' for topic in thin[:MOST_NAMED]]
    return "; ".join(names) + (f" and {len(thin) - MOST_NAMED} more" if len(thin) > MOST_NAMED else "")
