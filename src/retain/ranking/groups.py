"""A query with some of its documents, as training and penalties see them."""

from __future__ import annotations

import random
from typing import NamedTuple

from retain.data.example import Example
from retain.models.base import Pair
from retain.ranking.judged import taught_scores


class Group(NamedTuple):
    """A query with documents that are scored together; the first one is relevant, where any is known to be."""

    query: str
    documents: tuple[str, ...]
    teacher_scores: tuple[float, ...] = ()
    """One for each document; none when empty."""

    @property
    def pairs(self) -> list[Pair]:
        """The query with each document."""
        return [(self.query, document) for document in self.documents]


def training_groups(row: Example, size: int, seed: int, most: int) -> list[Group]:
    """A group for each relevant document of a row, at most ``most``, with others that are not relevant.

    Which ones is drawn by the seed. A row with too few others gives smaller groups; one without relevant documents, or
    without others, gives none.
    """
    groups = []
    taught = taught_scores(row)
    chosen = sorted(random.Random(f"{seed}-{row.id}").sample(range(len(row.positives)), min(most, len(row.positives))))
    for number in chosen:
        relevant = row.positives[number]
        others = list(row.negatives)
        random.Random(f"{seed}-{row.id}-{number}").shuffle(others)
        if others:
            documents = (relevant, *others[: size - 1])
            groups.append(Group(row.query, documents, tuple(taught[text] for text in documents) if taught else ()))
    return groups


def candidate_group(row: Example, count: int) -> Group:
    """All documents of a row, at most ``count``: the relevant ones first."""
    return Group(row.query, (*row.positives, *row.negatives)[:count])
