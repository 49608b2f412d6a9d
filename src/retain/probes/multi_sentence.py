"""Open questions that want an answer of several sentences."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from retain.models.base import CausalModel, Limits, Message
from retain.probes.items import Item, ItemProbe, Scored, as_prompt
from retain.records import Response
from retain.wording import distinct_share, words_of

_SENTENCE_END = re.compile(r"(?<=[.!?])[\"'”’)*]*\s+|\n+")
_BULLET = re.compile(r"^(?:[-*•#>]+|\d+[.)])\s*")


class OpenItem(Item):
    """``{prompt, about, min_sentences?, max_words?}``: a question, and words an answer would use."""

    prompt: str = Field(min_length=1)
    about: tuple[str, ...] = Field(min_length=1)
    """An answer stays on the question when a word of it begins with one of these, whatever the case."""
    min_sentences: int = Field(default=2, ge=1)
    """At least this many sentences or list entries."""
    max_words: int | None = Field(default=None, ge=1)
    """At most this many words."""

    @property
    def input(self) -> str:
        """The prompt."""
        return self.prompt


class MultiSentence(ItemProbe):
    """Share of open questions answered in several sentences, on the question, without repeating itself.

    Sees what a likelihood cannot: a model tuned on labels answers everything with a label. An answer scores
    1 when it has at least ``min_sentences`` sentences (of three words or more; list entries count), at most
    ``max_words`` words, a word that begins with one of ``about``, and at least ``distinct`` different
    three-word sequences among all of them; with ``must_stop`` also only when the model ended it.

    Items: ``{"prompt": str, "about": [str], "min_sentences"?: int, "max_words"?: int, "cluster"?}``.

    Relations: says nothing about whether an answer is true; use ``answers`` for that.
    """

    items: tuple[OpenItem, ...] = Field(default=(), exclude=True, repr=False)
    max_tokens: int = Field(default=160, ge=1)
    """Where an answer is cut off."""
    distinct: float = Field(default=0.6, ge=0, le=1)
    """Least share of different three-word sequences; below it, the answer repeats itself."""
    must_stop: bool = False
    """Whether an answer that runs into ``max_tokens`` scores 0."""

    generates: ClassVar[bool] = True
    item_type: ClassVar[type[Item]] = OpenItem
    measures: ClassVar[str] = "several sentences on the question"

    def score_items(self, model: CausalModel, items: Sequence[OpenItem]) -> Scored:
        """Ask all questions in one call."""
        prompts = [as_prompt((Message(role="user", content=item.prompt),), model.chat) for item in items]
        responses = model.generate(prompts, Limits(max_tokens=self.max_tokens))
        scored = Scored(settings={"template": "chat" if model.chat else "raw"})
        for item, response in zip(items, responses, strict=True):
            scored.responses[item.id] = response
            scored.prompts[item.id] = item.prompt
            scored.scores[item.id] = float(self.good(response, item))
        return scored

    def good(self, response: Response, item: OpenItem) -> bool:
        """Whether an answer meets all conditions."""
        words = words_of(response.text)
        if item.max_words is not None and len(words) > item.max_words:
            return False
        if self.must_stop and not response.stopped:
            return False
        stems = tuple(stem.casefold() for stem in item.about)
        on_question = any(word.startswith(stems) for word in words) or any(
            " " in stem and stem in " ".join(words) for stem in stems
        )
        enough = len(sentences(response.text)) >= item.min_sentences
        return enough and on_question and distinct_share(words) >= self.distinct


def sentences(text: str) -> list[str]:
    """Sentences and list entries of at least three words."""
    parts = (_BULLET.sub("", part.strip()) for part in _SENTENCE_END.split(text))
    return [part for part in parts if len(words_of(part)) >= 3]
