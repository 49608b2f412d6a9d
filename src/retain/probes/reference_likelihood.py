"""How likely the model finds given answers: for tasks whose answers are too long to compare by a rule."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from retain.models.base import CausalModel, Message, Request
from retain.probes.items import Item, ItemProbe, Scored, conversation, readable


class ReferenceItem(Item):
    """``{prompt | messages, answer, system?}``: a question and the answer whose likelihood is measured."""

    prompt: str = ""
    messages: tuple[Message, ...] = ()
    system: str = ""
    answer: str = Field(min_length=1)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if bool(self.prompt.strip()) == bool(self.messages):
            raise ValueError("needs either prompt or messages")
        if not self.answer.strip():
            raise ValueError("answer is empty")
        return self

    @property
    def turns(self) -> tuple[Message, ...]:
        """The conversation up to the answer."""
        return conversation(self.prompt, self.messages, self.system)

    @property
    def input(self) -> str:
        """The turns' contents."""
        return readable(self.turns)


class ReferenceLikelihood(ItemProbe):
    """Bits per byte of given answers after their prompts, in the chat format; lower is better.

    The prompt goes through the model's chat template where it has one, and is raw text where not. Weighted by
    bytes; an answer longer than ``max_bytes`` counts only so far. With the base's own answers as the items
    it is a cheap meter of drift.

    Items: ``{"prompt": str | "messages": [...], "answer": str, "system"?, "cluster"?}``.

    Relations: for short answers ``answers`` says more: what the model would write, not what it would accept.
    """

    items: tuple[ReferenceItem, ...] = Field(default=(), exclude=True, repr=False)
    max_bytes: int = Field(default=2000, ge=16)
    """Only this many bytes of an answer are scored."""

    item_type: ClassVar[type[Item]] = ReferenceItem
    measures: ClassVar[str] = "bits per byte of the reference answers"
    higher_is_better: ClassVar[bool] = False
    unit: ClassVar[Literal["share", "bits per byte"]] = "bits per byte"

    def score_items(self, model: CausalModel, items: Sequence[ReferenceItem]) -> Scored:
        """Score all answers in one call."""
        answers = [item.answer.encode()[: self.max_bytes].decode(errors="ignore") for item in items]
        requests = [
            Request(context=rendered(model, item.turns), continuation=answer)
            for item, answer in zip(items, answers, strict=True)
        ]
        template = "chat" if model.chat else "raw"
        scored = Scored(settings={"template": template, "truncation": f"first {self.max_bytes} bytes of the answer"})
        bits = size = 0.0
        for item, answer, found in zip(items, answers, model.loglikelihood(requests), strict=True):
            scored.references[item.id] = item.answer
            if found is None:
                scored.left_out[item.id] = "longer than the model's context"
            elif not math.isfinite(found.logprob):
                scored.left_out[item.id] = "the model's likelihood is not finite"
            else:
                needed, length = -found.logprob / math.log(2), len(answer.encode())
                scored.scores[item.id] = needed / length
                bits, size = bits + needed, size + length
        scored.value = bits / size if size else None
        return scored


def rendered(model: CausalModel, turns: Sequence[Message]) -> str:
    """The prompt as text, as the model sees it before its answer.

    A beginning-of-text token that the tokenizer adds by itself is taken off, or it would stand there twice.
    """
    tokenizer: Any = getattr(model, "tokenizer", None)
    if not model.chat or tokenizer is None:
        return "\n\n".join(turn.content for turn in turns) + "\n"
    messages = [turn.model_dump() for turn in turns]
    text = str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))
    start = tokenizer.bos_token
    return text.removeprefix(start) if start and tokenizer("a")["input_ids"][0] == tokenizer.bos_token_id else text
