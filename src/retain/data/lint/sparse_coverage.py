"""Topics that only few rows are about."""

from __future__ import annotations

from retain.data.lint.about import Topics
from retain.data.lint.base import Check, Finding
from retain.data.lint.material import LintData

THIN = 0.2
"""A topic is thin with fewer rows than this share of the mean topic's. Topics of real sets differ two- to fivefold
around their mean without any being neglected (banking77's: 81 to 480 rows around 185)."""
FEWEST = 3
"""Topics of one or two rows are thin whatever the mean is."""
FEWEST_TOPICS = 4
"""With fewer there is no usual size."""
LARGEST = 0.1
"""Together thin topics have at most this share of the rows; where they have more, small topics are how the set is."""
MOST_NAMED = 5


class SparseCoverage(Check):
    """Topics with far fewer rows than the others, each with its words and a row (`about.py`).

    A model learns to answer there from next to nothing, and held-out rows drawn at random will not show it.
    Threshold: fewer rows than a fifth of the mean topic's; at least 100 rows and four topics.
    Relations: `narrow_domain` says whether the whole set is about one thing; `rare_labels` counts by answer.
    """

    shapes = ("chat", "text", "preference")

    def find(self, data: LintData) -> list[Finding]:
        """At most one finding."""
        topics = data.topics
        if topics is None or len(topics.sizes) < FEWEST_TOPICS:
            return []
        mean = topics.sizes.mean()
        thin = [topic for topic in topics.order if topics.sizes[topic] < max(FEWEST, THIN * mean)]
        places = [place for topic in thin for place in topics.rows(topic)]
        if not thin or len(places) > LARGEST * len(data.examples):
            return []
        shown = [data.examples[topics.rows(topic)[0]] for topic in thin]
        what = (
            f"{len(thin)} of {len(topics.sizes)} topics have few rows, where the mean topic has {mean:.0f}: "
            f"{_named(topics, thin)}. As varied as {topics.effective:.0f} topics of equal size."
        )
        do = "Add rows on these topics, or take them out and say that the model is not made for them."
        return [self.finding("note", shown, len(data.examples), what, do, lambda row: row.input, len(places))]


def _named(topics: Topics, thin: list[int]) -> str:
    names = [f'"{topics.names[topic]}" {topics.sizes[topic]}' for topic in thin[:MOST_NAMED]]
    return "; ".join(names) + (f" and {len(thin) - MOST_NAMED} more" if len(thin) > MOST_NAMED else "")
