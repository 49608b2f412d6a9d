"""Language modelling: how many bits does the model need for a byte of text?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from retain.models.base import CausalModel, Request
from retain.probes.items import Item, ItemProbe, Scored


class TextItem(Item):
    """``{text}``: a document, or a part of one."""

    text: str = Field(min_length=1)

    @property
    def input(self) -> str:
        """The text."""
        return self.text


def first_bytes(text: str, most: int) -> str:
    """At most ``most`` bytes of UTF-8, cut back to the last white space where there is one."""
    data = text.encode()
    if len(data) <= most:
        return text
    cut = data[:most].decode(errors="ignore")
    words = cut.rsplit(maxsplit=1)
    return words[0] if len(words) == 2 and not text[len(cut)].isspace() else cut


class BitsPerByte(ItemProbe):
    """Bits that the model needs for a byte of text, from its likelihood; lower is better.

    The main number is weighted by bytes (all bits / all bytes); scores are per text. A text longer than
    ``max_bytes`` is cut there, at white space; one that is still longer than the context is left out.
    Items: ``{"text": str, "cluster"?}``.
    """

    items: tuple[TextItem, ...] = Field(default=(), exclude=True, repr=False)
    max_bytes: int = Field(default=2000, ge=16)
    """A longer text is cut to this many bytes of UTF-8, at the last white space before."""

    item_type: ClassVar[type[Item]] = TextItem
    measures: ClassVar[str] = "bits per byte"
    higher_is_better: ClassVar[bool] = False
    unit: ClassVar[Literal["share", "bits per byte"]] = "bits per byte"

    def score_items(self, model: CausalModel, items: Sequence[TextItem]) -> Scored:
        """Score all texts in one call, each from its start."""
        texts = [first_bytes(item.text, self.max_bytes) for item in items]
        found = model.loglikelihood([Request(context="", continuation=text) for text in texts])
        scored = Scored(settings={"template": "raw", "truncation": f"first {self.max_bytes} bytes"})
        bits = size = 0.0
        for item, text, likelihood in zip(items, texts, found, strict=True):
            if likelihood is None:
                scored.left_out[item.id] = "longer than the model's context"
            elif not math.isfinite(likelihood.logprob):
                scored.left_out[item.id] = "the model's likelihood is not finite"
            else:
                needed, length = -likelihood.logprob / math.log(2), len(text.encode())
                scored.scores[item.id] = needed / length
                bits, size = bits + needed, size + length
        scored.value = bits / size if size else None
        return scored
