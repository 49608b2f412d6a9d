"""Language modelling: how many bits does the model need for a byte of text?"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import ClassVar, Literal, NamedTuple

from pydantic import Field

from retain.models.base import CausalModel, Request
from retain.probes.items import Item, ItemProbe, Scored

LEAST = 16
"""Bytes of the shortest window."""


class Read(NamedTuple):
    """What a model makes of a text."""

    logprobs: list[float]
    """Of each window, in nats."""
    size: int
    """Bytes that they are of."""


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
    the model's context is read in windows half as long, and so on, by ``windows``; by ``cut`` it is left out.
    Items: ``{"text": str, "cluster"?}``.
    """

    items: tuple[TextItem, ...] = Field(default=(), exclude=True, repr=False)
    max_bytes: int = Field(default=2000, ge=LEAST)
    """A longer text is cut to this many bytes of UTF-8, at the last white space before, or read in such windows."""
    long: Literal["cut", "windows"] = Field(default="cut", exclude_if=lambda value: value == "cut")
    """What happens to a longer text: it is cut, or read whole in windows that overlap by half."""

    item_type: ClassVar[type[Item]] = TextItem
    measures: ClassVar[str] = "bits per byte"
    higher_is_better: ClassVar[bool] = False
    unit: ClassVar[Literal["share", "bits per byte"]] = "bits per byte"

    def score_items(self, model: CausalModel, items: Sequence[TextItem]) -> Scored:
        """Score all texts in one call, each from its start."""
        scored = Scored(settings={"template": "raw", "truncation": self._truncation})
        bits = size = 0.0
        for item, read in zip(items, self._read(model, items, self.max_bytes), strict=True):
            if read is None:
                scored.left_out[item.id] = "longer than the model's context"
            elif not all(map(math.isfinite, read.logprobs)):
                scored.left_out[item.id] = "the model's likelihood is not finite"
            else:
                needed = -sum(read.logprobs) / math.log(2)
                scored.scores[item.id] = needed / read.size
                bits, size = bits + needed, size + read.size
        scored.value = bits / size if size else None
        return scored

    def _read(self, model: CausalModel, items: Sequence[TextItem], most: int) -> list[Read | None]:
        """Each text in windows of ``most`` bytes, in shorter ones if need be; None where it still is too long."""
        parts = [self._windows(item.text, most) for item in items]
        asked = [Request(context=before, continuation=part) for one in parts for before, part in one]
        likelihoods = iter(model.loglikelihood(asked))
        found: list[Read | None] = []
        for one in parts:
            logprobs = [known.logprob for known in itertools.islice(likelihoods, len(one)) if known is not None]
            fits = len(logprobs) == len(one)
            found.append(Read(logprobs, sum(len(part.encode()) for _, part in one)) if fits else None)
        long = [place for place, read in enumerate(found) if read is None]
        if long and self.long == "windows" and most // 2 >= LEAST:
            again = self._read(model, [items[place] for place in long], most // 2)
            for place, read in zip(long, again, strict=True):
                found[place] = read
        return found

    def _windows(self, text: str, most: int) -> list[tuple[str, str]]:
        return windows(text, most) if self.long == "windows" else [("", first_bytes(text, most))]

    @property
    def _truncation(self) -> str:
        return f"windows of {self.max_bytes} bytes" if self.long == "windows" else f"first {self.max_bytes} bytes"
