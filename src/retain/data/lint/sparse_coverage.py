"""Topics that only few rows are about."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from retain.data.lint.about import Topics
from retain.data.lint.base import Check, Finding, counted
from retain.data.lint.material import LintData

THIN = 1 / 3
"""A topic is thin with fewer rows than this share of the usual topic's (`Topics.usual`). Topics of real sets differ
two- to threefold without any being neglected."""
ENOUGH = 30
"""Rows from which no topic is thin, however large the others are."""
FEWEST = 3
"""Two rows are no topic."""
APART = 0.05
"""Cosine of its centre to any other topic's, at most. Splinters of larger topics have .05 to .19, topics of their own
under .04 in 19 of 20 (docs/LOG.md, 2026-11-22)."""
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
Thin = tuple[int, tuple[str, ...], list[int]]
"""A thin topic: its number of rows, its own words, and the rows' places."""


class SparseCoverage(Check):
    """Topics with far fewer rows than the others, each with its words and a row (`about.py`).

    A model learns to answer there from next to nothing, and held-out rows drawn at random will not show it.
    Threshold: fewer rows than a third of the usual topic's and than 30, with three words of its own and hardly any of
    another topic's; at least 100 rows.
    Relations: `narrow_domain` says whether the whole set is about one thing; `rare_labels` counts by answer.
    """

    shapes = ("chat", "text", "preference")

    def find(self, data: LintData) -> list[Finding]:
        """At most one finding."""
        ways = [topics for topics in data.topics if _can_be_told(topics)]
        thin = _thin(ways)
        places = [place for _, _, rows in thin for place in rows]
        if not thin or len(places) > LARGEST * len(data.examples):
            return []
        shown = [data.examples[rows[0]] for _, _, rows in thin]
        named = "; ".join(f'"{", ".join(words[:4])}" {len(rows)}' for _, words, rows in thin[:MOST_NAMED])
        more = f" and {len(thin) - MOST_NAMED} more" if len(thin) > MOST_NAMED else ""
        topics = counted(len(thin), "topic")
        what = f"{topics} of about {len(ways[0].sizes)} with few rows, where the usual one has {ways[0].usual:.0f}: "
        do = "Add rows on these topics, or take them out and say that the model is not made for them."
        text = f"{what}{named}{more}."
        return [self.finding("note", shown, len(data.examples), text, do, lambda row: row.input, len(places))]


def _can_be_told(topics: Topics) -> bool:
    return len(topics.sizes) >= FEWEST_TOPICS and topics.usual <= ONE * topics.sizes.sum()


def _thin(ways: Sequence[Topics]) -> list[Thin]:
    """The thin topics of all ways to divide the rows, the smallest first; those that share rows with another once."""
    found: list[Thin] = []
    taken: set[int] = set()
    for topics in ways:
        for topic in np.argsort(topics.sizes, kind="stable"):
            rows = topics.rows(int(topic))
            if _is_thin(topics, int(topic)) and taken.isdisjoint(rows):
                taken.update(rows)
                found.append((len(rows), topics.own[topic], rows))
    return sorted(found)


def _is_thin(topics: Topics, topic: int) -> bool:
    most = min(ENOUGH, THIN * topics.usual)
    size = topics.sizes[topic]
    return bool(FEWEST <= size < most and len(topics.own[topic]) >= OWN_WORDS and topics.nearest[topic] < APART)
