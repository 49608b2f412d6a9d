"""Predicting the last word of a passage (LAMBADA)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from pydantic import Field, model_validator

from retain.models.base import CausalModel, Request
from retain.probes.items import Item, ItemProbe, Scored


class LastWordItem(Item):
    """``{context, continuation}``: a passage without its last word, and it; or ``{text}``, the whole."""

    context: str = Field(min_length=1)
    continuation: str = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _split_off(cls, row: Any) -> Any:
        if not isinstance(row, dict) or not isinstance(row.get("text"), str) or "context" in row:
            return row
        rest = {key: value for key, value in row.items() if key != "text"}
        words = row["text"].rstrip().rsplit(maxsplit=1)
        return {**rest, "context": words[0], "continuation": words[1]} if len(words) == 2 else row

    @property
    def input(self) -> str:
        """The passage without its last word."""
        return self.context

    @property
    def overlap_text(self) -> str:
        """The whole passage."""
        return f"{self.context} {self.continuation}"


class LastWord(ItemProbe):
    """Share of passages whose last word the model would write greedily; raw text, no chat template.

    Right when every token of ``' ' + word`` is the most likely one. Items:
    ``{"context": str, "continuation": str, "cluster"?}`` or ``{"text": str}``.
    Source: LAMBADA (Paperno et al., 2016).
    """

    items: tuple[LastWordItem, ...] = Field(default=(), exclude=True, repr=False)

    item_type: ClassVar[type[Item]] = LastWordItem
    measures: ClassVar[str] = "accuracy"

    def score_items(self, model: CausalModel, items: Sequence[LastWordItem]) -> Scored:
        """Score all words in one call."""
        requests = [
            Request(context=item.context.rstrip(), continuation=f" {item.continuation.lstrip()}") for item in items
        ]
        scored = Scored(settings={"template": "raw"})
        for item, found in zip(items, model.loglikelihood(requests), strict=True):
            if found is None:
                scored.left_out[item.id] = "longer than the model's context"
            else:
                scored.scores[item.id] = float(found.greedy)
        return scored
