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


def windows(text: str, most: int) -> list[tuple[str, str]]:
    """(context, continuation) of the windows in which a long text is read; the continuations together are the text.

    The first window is the first ``most`` bytes of UTF-8, without context. Each further one goes on by half of that,
    given as context the half before it. Windows end before white space where they can.
    """
    found, start, half = [], 0, most // 2
    while start < len(text):
        size = half if start else most
        part = first_bytes(text[start : start + size + 1], size)
        before = text[max(0, start - half) : start].encode()[-half:].decode(errors="ignore")
        found.append((before, part))
        start += len(part)
    return found


class BitsPerByte(ItemProbe):
    """Bits that the model needs for a byte of text, from its likelihood; lower is better.

    The main number is weighted by bytes (all bits / all bytes); scores are per text. A text longer than ``max_bytes``
    is cut there, at white space. With ``long: windows`` it is read whole instead: its first ``max_bytes`` from the
    start, then half as many bytes at a time, each given the ``max_bytes / 2`` before them. So every byte counts once,
    and all but the text's beginning is predicted from at least half a window. A text of which a window is longer than
    the model's context is left out.
    Items: ``{"text": str, "cluster"?}``.
    """

    items: tuple[TextItem, ...] = Field(default=(), exclude=True, repr=False)
    max_bytes: int = Field(default=2000, ge=16)
    """A longer text is cut to this many bytes of UTF-8, at the last white space before, or read in such windows."""
    long: Literal["cut", "windows"] = Field(default="cut", exclude_if=lambda value: value == "cut")
    """What happens to a longer text: it is cut, or read whole in windows that overlap by half."""

    item_type: ClassVar[type[Item]] = TextItem
    measures: ClassVar[str] = "bits per byte"
    higher_is_better: ClassVar[bool] = False
    unit: ClassVar[Literal["share", "bits per byte"]] = "bits per byte"

    def score_items(self, model: CausalModel, items: Sequence[TextItem]) -> Scored:
        """Score all texts in one call, each from its start."""
        read = [self._windows(item.text) for item in items]
        asked = [Request(context=before, continuation=part) for one in read for before, part in one]
        found = iter(model.loglikelihood(asked))
        scored = Scored(settings={"template": "raw", "truncation": self._truncation})
        bits = size = 0.0
        for item, one in zip(items, read, strict=True):
            likelihoods = [next(found) for _ in one]
            logprobs = [known.logprob for known in likelihoods if known is not None]
            if len(logprobs) < len(one):
                scored.left_out[item.id] = "longer than the model's context"
            elif not all(map(math.isfinite, logprobs)):
                scored.left_out[item.id] = "the model's likelihood is not finite"
            else:
                needed, length = -sum(logprobs) / math.log(2), sum(len(part.encode()) for _, part in one)
                scored.scores[item.id] = needed / length
                bits, size = bits + needed, size + length
        scored.value = bits / size if size else None
        return scored

    def _windows(self, text: str) -> list[tuple[str, str]]:
        return windows(text, self.max_bytes) if self.long == "windows" else [("", first_bytes(text, self.max_bytes))]

    @property
    def _truncation(self) -> str:
        return f"windows of {self.max_bytes} bytes" if self.long == "windows" else f"first {self.max_bytes} bytes"
