"""Ranking: a query's documents put in order by a reranker."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field

from retain.errors import CannotMeasureError
from retain.probes.items import Item, ItemProbe, Scored
from retain.ranking.calibration import calibration
from retain.ranking.measures import measure_name, measured

Measure = Annotated[str, AfterValidator(measure_name)]
GIVEN = "given"
AUTO = "auto"
ABSENT = "the first stage's run does not have this query"
LARGE = 0.25
"""Share of queries without a relevant candidate from which on it is said."""
MANY = 0.1
"""Share of queries without any candidate from which on it is said."""


class RankingItem(Item):
    """A query, the documents to rank (the first stage's best first), and the grades of those that were judged."""

    query: str = Field(min_length=1)
    documents: tuple[str, ...] | None = ()
    """Ids: hashes of their texts; None where the first stage's run does not have the query."""
    grades: dict[str, float] = {}
    """Id -> grade, above 0 for relevant."""

    @property
    def input(self) -> str:
        """The query."""
        return self.query

    @property
    def found(self) -> bool:
        """Whether a relevant document is among those to rank; no order of the others changes the score."""
        return any(self.grades.get(key, 0) > 0 for key in self.documents or ())


class Ranking(ItemProbe):
    """Rerank what a first stage found, and measure each query: nDCG@10 unless said otherwise.

    The first stage is fixed, so that both models rank the same documents. In a BEIR folder, and in files whose rows
    name only relevant documents, it is BM25 over all of the source's documents, or a run in TREC's format; rows that
    bring other documents too are ranked as they are. Relevant documents that the first stage missed count as missed.
    Equal scores keep the first stage's order. Queries without a relevant document are left out. A query that a run does
    not have has no score.

    ``also`` measures the same rankings in other ways, for the report. Each measurement holds the calibration of the
    scores as well (``retain.ranking.calibration``).

    Items: ``items`` names a BEIR folder or one of its qrels files, rows of query, pos and neg, labelled pairs, or
    triples; or ``{dev: ..., test: ...}``, a source each.
    """

    items: tuple[RankingItem, ...] = Field(default=(), exclude=True, repr=False)
    documents: Mapping[str, str] = Field(default={}, exclude=True, repr=False)
    """Id -> text, of the documents that items name."""
    unjudged: int = Field(0, ge=0, exclude=True, repr=False)
    """Queries of the sources that were left out, since no document is relevant to them."""
    metric: Measure = "nDCG@10"
    """The main number: nDCG, MRR, recall or MAP at any rank."""
    also: tuple[Measure, ...] = ("MRR@10", "recall@10")
    """Other measures, shown beside it."""
    candidates: int = Field(50, ge=2)
    """Documents of the first stage that are ranked, at most; rows that bring their own are ranked as they are."""
    first_stage: str = AUTO
    """``bm25``, ``given`` (the rows' own documents), a file with a run in TREC's format, or ``auto``: given where rows
    bring relevant documents and others, else BM25."""
    max_tokens: int = Field(512, ge=8)
    """Longest query with document in tokens; a longer one loses the end of its longer text."""

    ranks: ClassVar[bool] = True
    item_type: ClassVar[type[Item]] = RankingItem
    measures: ClassVar[str] = "nDCG@10"

    @property
    def metric_name(self) -> str:
        """The main measure."""
        return self.metric

    def problems(self) -> list[str]:
        """Items without documents, and documents without text."""
        found = super().problems()
        if self.items and not any(item.documents for item in self.items):
            found.append("the first stage found no document for any query")
        missing = {key for item in self.items for key in item.documents or () if key not in self.documents}
        return found + ([f"{len(missing)} documents have no text"] if missing else [])

    def notes(self) -> list[str]:
        """Queries that cannot be scored, and those whose score can never change."""
        present = [item for item in self.items if item.documents is not None]
        absent = len(self.items) - len(present)
        stuck = sum(not item.found for item in present)
        bare = sum(not item.documents for item in present)
        said = {
            f"{self.unjudged} queries have no relevant document and are left out": self.unjudged,
            f"{absent} of {len(self.items)} queries are not in the first stage's run and have no score": absent,
            f"no candidate at all was found for {bare} of {len(present)} queries (BM25 needs a common word)": (
                bare > MANY * len(present)
            ),
            f"the first stage found no relevant document for {stuck} of {len(present)} queries: their score is 0 for "
            "every model and can never change; raise candidates, or name another first_stage": (
                stuck >= LARGE * len(present) and stuck
            ),
        }
        return [f'"{self.name}": {note}' for note, count in said.items() if count]

    def score_items(self, model: Any, items: Sequence[RankingItem]) -> Scored:
        """Score all pairs in one call, then rank and measure query by query."""
        if not hasattr(model, "score_pairs"):
            raise CannotMeasureError(
                f'the probe "{self.name}" ranks documents, and {model.name} was not loaded as a reranker'
            )
        left_out = {item.id: ABSENT for item in items if item.documents is None}
        items = [item for item in items if item.documents is not None]
        pairs = [(item.query, self.documents[key]) for item in items for key in item.documents or ()]
        found = model.score_pairs(pairs, self.max_tokens)
        scores: dict[str, list[float]] = {}
        at = 0
        for item in items:
            own = found[at : at + len(item.documents or ())]
            at += len(own)
            if all(map(math.isfinite, own)):
                scores[item.id] = own
            else:
                left_out[item.id] = "a score is not finite"
        kept = [item for item in items if item.id in scores]
        values = self._measured(kept, {item.id: ranked(item, scores[item.id]) for item in kept})
        return Scored(
            scores=values[self.metric],
            left_out=left_out,
            also={name: values[name] for name in self.also if name != self.metric},
            calibration=calibration(
                [score for item in kept for score in scores[item.id]],
                [item.grades.get(key, 0) > 0 for item in kept for key in item.documents or ()],
                [number for number, item in enumerate(kept) for _ in item.documents or ()],
            ),
            settings=self._facts(items),
        )

    def _measured(
        self, items: Sequence[RankingItem], rankings: Mapping[str, Sequence[str]]
    ) -> dict[str, dict[str, float]]:
        if not items:
            return {name: {} for name in (self.metric, *self.also)}
        return measured([self.metric, *self.also], {item.id: item.grades for item in items}, rankings)

    def _facts(self, items: Sequence[RankingItem]) -> dict[str, Any]:
        """What a reader of the number must know of the first stage; the same for every model."""
        alone = self._measured(items, {item.id: item.documents or () for item in items})[self.metric]
        return {
            f"{self.metric} of the first stage": round(sum(alone.values()) / max(1, len(alone)), 4),
            "queries whose relevant documents the first stage missed": sum(not item.found for item in items),
            "documents ranked": sum(len(item.documents or ()) for item in items),
        }


def ranked(item: RankingItem, scores: Sequence[float]) -> list[str]:
    """An item's documents, the best first; of equals the first stage's better one."""
    order = sorted(range(len(scores)), key=lambda place: -scores[place])
    return [(item.documents or ())[place] for place in order]
