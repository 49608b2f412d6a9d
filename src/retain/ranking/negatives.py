"""Documents that do not answer a query, for training: those that rows name, mined hard ones, and drawn ones."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import Protocol

from retain.data.example import Example
from retain.data.splits import folded
from retain.models.base import Pair
from retain.records import Record

SPARE = 2
"""Mined documents that the filter looks at for each one that is wanted."""
Score = Callable[[Sequence[Pair]], Sequence[float]]


class FirstStage(Protocol):
    """Something that finds documents."""

    def search(self, queries: Sequence[str], count: int) -> list[list[int]]:
        """Places of documents for each query, the best first."""
        ...


class Counts(Record):
    """Where the negatives of all queries came from."""

    given: int = 0
    mined: int = 0
    filtered: int = 0
    """Mined and then dropped, since the base holds them for answers."""
    drawn: int = 0
    """From the whole source, where a query had too few others."""
    wanting: int = 0
    """Queries for which documents were to be mined."""
    unmined: int = 0
    """Those of them for which the first stage found none."""
    missing: int = 0
    """What the source has too few documents for."""


def add_negatives(
    rows: Sequence[Example],
    documents: Sequence[str],
    each: int,
    seed: int,
    first_stage: FirstStage | None = None,
    ranks: tuple[int, int] = (2, 200),
    score: Score | None = None,
    margin: float = 0.0,
    most: int = 4,
) -> tuple[list[Example], Counts]:
    """Rows with at least ``each`` negatives for each relevant document, as far as the source has them.

    Given negatives stay, all of them. Then come documents that ``first_stage`` ranks between ``ranks``, in an order
    drawn by the seed, without those that were judged relevant or read alike; then documents drawn from the whole
    source.

    Args:
        rows: queries with relevant documents.
        documents: of the source.
        each: negatives for each relevant document of a query.
        seed: of the draws.
        first_stage: ranks the source's documents; nothing is mined when None.
        ranks: first and last rank, counted from 1 among documents that are not relevant.
        score: scores pairs for the filter; nothing is filtered when None.
        margin: a mined document is dropped where its score lies above the query's lowest relevant one's plus this.
        most: relevant documents of a query that are counted, at most.
    """
    wanted = [max(0, each * min(len(row.positives), most) - len(row.negatives)) for row in rows]
    pools = _mined(rows, documents, first_stage, ranks, seed) if first_stage is not None else [[] for _ in rows]
    spare = SPARE if score is not None else 1
    pools = [pool[: spare * count] for pool, count in zip(pools, wanted, strict=True)]
    kept = without_answers(rows, pools, score, margin) if score is not None else pools
    found: list[Example] = []
    counts = dict.fromkeys(Counts.model_fields, 0)
    if first_stage is not None:
        counts["wanting"] = sum(map(bool, wanted))
        counts["unmined"] = sum(count > 0 and not pool for pool, count in zip(pools, wanted, strict=True))
    counts["given"] = sum(len(row.negatives) for row in rows)
    counts["filtered"] = sum(map(len, pools)) - sum(map(len, kept))
    for row, pool, seen, count in zip(rows, kept, pools, wanted, strict=True):
        mined = pool[:count]
        drawn = _drawn(row, seen, documents, count - len(mined), seed)
        counts["mined"] += len(mined)
        counts["drawn"] += len(drawn)
        counts["missing"] += count - len(mined) - len(drawn)
        more = {"negatives": (*row.negatives, *mined, *drawn), "teacher_scores": ()}
        found.append(row.model_copy(update=more))
    return found, Counts(**counts)


def _mined(
    rows: Sequence[Example], documents: Sequence[str], first_stage: FirstStage, ranks: tuple[int, int], seed: int
) -> list[list[str]]:
    """For each query the documents between the ranks, in an order drawn by the seed."""
    most = max((len(row.positives) + len(row.negatives) for row in rows), default=0)
    ranked = first_stage.search([row.query for row in rows], ranks[1] + most)
    pools = []
    for row, places in zip(rows, ranked, strict=True):
        pool = in_window(row, [documents[place] for place in places], ranks)
        random.Random(f"{seed}-{row.id}").shuffle(pool)
        pools.append(pool)
    return pools


def in_window(row: Example, found: Sequence[str], ranks: tuple[int, int]) -> list[str]:
    """The found documents between the ranks, without those that the row names or that read like one of them."""
    known = _known(row)
    return [text for text in found if folded(text) not in known][ranks[0] - 1 : ranks[1]]


def _known(row: Example) -> set[str]:
    return {folded(text) for text in (*row.positives, *row.negatives)}


def without_answers(
    rows: Sequence[Example], pools: Sequence[list[str]], score: Score, margin: float
) -> list[list[str]]:
    """The pools without documents that score above the query's lowest relevant one plus the margin.

    Nothing is taken from a query without a relevant document.
    """
    pairs = [(row.query, text) for row, pool in zip(rows, pools, strict=True) for text in (*row.positives, *pool)]
    scores = iter(score(pairs))
    kept = []
    for row, pool in zip(rows, pools, strict=True):
        limit = min((next(scores) for _ in row.positives), default=math.inf) + margin
        kept.append([text for text in pool if next(scores) <= limit])
    return kept


def _drawn(row: Example, seen: Sequence[str], documents: Sequence[str], count: int, seed: int) -> list[str]:
    """Documents of the whole source that the query does not have yet, and that were not seen in mining."""
    if count <= 0:
        return []
    known = _known(row) | {folded(text) for text in seen}
    chosen: list[str] = []
    for place in random.Random(f"{seed}-{row.id}-drawn").sample(range(len(documents)), len(documents)):
        text = documents[place]
        if folded(text) not in known:
            chosen.append(text)
            known.add(folded(text))
        if len(chosen) == count:
            break
    return chosen
