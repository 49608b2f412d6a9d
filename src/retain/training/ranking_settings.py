"""What a recipe can say about the training of rerankers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from retain.settings import Settings

Rank = Annotated[int, Field(ge=1)]
ROWS = "rows"
"""As a teacher: the scores that stand in the rows."""


class NegativesSettings(Settings):
    """Where documents that do not answer a query come from, beside those that the rows name.

    Documents of the source that a first stage ranks high are taken: hard ones teach most. Some of them answer the query
    and were never judged; ``ranks`` leaves the first out, ``filter`` those that the base reranker holds for answers.
    Where a query has too few, documents drawn from the whole source fill the group, and the report counts them.
    """

    mine: Literal["bm25", "embedder", "none"] = "bm25"
    """Which first stage ranks them; ``none`` draws from the whole source."""
    ranks: tuple[Rank, Rank] = (2, 200)
    """From which rank to which documents are drawn, relevant ones not counted."""
    embedder: str | None = None
    """``mine: embedder``: a sentence-transformers model, a folder or a Hub id."""
    filter: float | None = None
    """Drop a mined document that the base scores above the query's lowest relevant one plus this, in logits; none are
    when empty."""

    @model_validator(mode="after")
    def _consistent(self) -> NegativesSettings:
        if self.ranks[0] > self.ranks[1]:
            raise ValueError(f"ranks: {list(self.ranks)} ends before it begins")
        if (self.mine == "embedder") != (self.embedder is not None):
            raise ValueError("mine: embedder and embedder: MODEL go together")
        if self.mine == "none" and (self.filter is not None or self.ranks != (2, 200)):
            raise ValueError("ranks and filter have no effect with mine: none; leave them out")
        return self


class RankingSettings(Settings):
    """How a reranker is trained: one relevant document of a query at a time, in a group with others that are not."""

    loss: Literal["bce", "listwise", "margin_mse"] = "listwise"
    """``listwise``: softmax cross-entropy over the group, the relevant document to the front (ListNet; LCE,
    arXiv 2101.08751). ``bce``: binary cross-entropy of each pair. ``margin_mse``: the squared difference from the
    teacher's margins between the relevant document and each other one (arXiv 2010.02666)."""
    group_size: int = Field(8, ge=2)
    """Documents that a query is trained with, the relevant one included."""
    positives: int = Field(4, ge=1)
    """Relevant documents of a query that get a group in each epoch, at most; drawn by the seed where there are more."""
    teacher: str | None = None
    """``margin_mse``: whose scores are learned: a reranker, an embedder (cosine similarity times 20), or ``rows``:
    those that each row gives its documents in ``pos_scores`` and ``neg_scores``. Other documents are then neither mined
    nor drawn, since they have no score."""
    dropout: bool = True
    """The model's own dropout while it trains; without it a CPU is a quarter faster. Adapters have theirs."""
    negatives: NegativesSettings = NegativesSettings()
    """Documents that do not answer the query."""

    @model_validator(mode="after")
    def _taught(self) -> RankingSettings:
        if (self.loss == "margin_mse") != (self.teacher is not None):
            raise ValueError("loss: margin_mse and teacher: MODEL (or rows) go together")
        if self.teacher == ROWS and self.negatives not in (NegativesSettings(), NegativesSettings(mine="none")):
            raise ValueError("negatives have no effect with teacher: rows; leave them out")
        return self
