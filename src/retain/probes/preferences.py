"""Which of two answers a model finds the likelier one: held-out preference pairs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar, Self

from pydantic import Field, ValidationError, model_validator

from retain.data.example import Example
from retain.data.shapes import from_preference
from retain.errors import UserError, listed
from retain.models.base import CausalModel, Likelihood, Message, Request
from retain.probes.item_files import reasons
from retain.probes.items import Item, ItemProbe, Scored, readable
from retain.probes.reference_likelihood import rendered
from retain.records import PairLikelihood, content_hash

SPELLINGS = ("prompt", "question", "input", "instruction", "context", "conversation", "conversations", "system")
"""Keys of preference rows that say what the answers answer, beside ``messages``."""
SUMMED = "preference accuracy, whole answers"
SILENT = "an answer is empty"


class PreferenceItem(Item):
    """``{prompt | messages | ..., chosen, rejected}``: any spelling of a preference row that training reads."""

    messages: tuple[Message, ...]
    chosen: str
    rejected: str

    @model_validator(mode="before")
    @classmethod
    def _read(cls, row: Any) -> Any:
        if not isinstance(row, dict) or not {"chosen", "rejected"} <= set(row):
            return row
        (fields,) = from_preference(row)
        others = {key: value for key, value in row.items() if key not in SPELLINGS}
        return {**others, **{key: fields[key] for key in ("messages", "chosen", "rejected")}}

    @property
    def input(self) -> str:
        """The turns' contents."""
        return readable(self.messages)

    @property
    def id(self) -> str:
        """Hash of the turns and both answers."""
        return content_hash(self.input, self.chosen, self.rejected)

    @property
    def overlap_text(self) -> str:
        """The turns with the chosen answer."""
        return f"{self.input}\n{self.chosen}"

    @property
    def group(self) -> str | None:
        """The cluster given, or a hash of the turns: several pairs may answer the same."""
        return self.cluster or content_hash(self.input)


class Preferences(ItemProbe):
    """Share of pairs whose chosen answer has the higher likelihood for its length; in the chat format.

    An answer's log-likelihood after the conversation is divided by its bytes: summed, the shorter answer nearly always
    wins, whatever a model prefers (docs/decisions/dpo.md). The share by sums is shown beside it and not judged. Both
    likelihoods of each pair are kept: from the base's and the tuned model's a comparison also tells how far the model
    moved (reward accuracy and margin).

    Items: preference rows: ``{"prompt" | "messages" | "conversations" ..., "chosen", "rejected", "cluster"?}``, or
    whole dialogues as ``chosen`` and ``rejected``.

    Relations: says what a model finds likely, not what it writes: add probes that generate, such as ``answers``, and
    read the symptoms.
    """

    items: tuple[PreferenceItem, ...] = Field(default=(), exclude=True, repr=False)
    max_bytes: int = Field(default=2000, ge=16)
    """Only this many bytes of each answer are scored."""

    item_type: ClassVar[type[Item]] = PreferenceItem
    measures: ClassVar[str] = "preference accuracy"

    @classmethod
    def from_examples(
        cls, name: str, capability: str, test: Sequence[Example], dev: Sequence[Example] = (), limit: int | None = None
    ) -> Self:
        """A probe of held-out preference rows.

        Raises:
            UserError: a row is none of preference shape.
        """
        items = [
            {"messages": [one.model_dump() for one in row.messages], "split": split}
            | {"chosen": row.chosen, "rejected": row.rejected}
            for split, rows in (("test", test), ("dev", dev))
            for row in rows
        ]
        try:
            return cls.model_validate({"name": name, "capability": capability, "items": items, "limit": limit})
        except ValidationError as error:
            raise UserError(f'probe "{name}":\n{listed(reasons(error, cls))}') from None

    def score_items(self, model: CausalModel, items: Sequence[PreferenceItem]) -> Scored:
        """Score all answers in one call."""
        answers = [[self._cut(answer) for answer in (item.chosen, item.rejected)] for item in items]
        contexts = [_context(model, item.messages) for item in items]
        found = model.loglikelihood(
            [
                Request(context=context, continuation=answer)
                for context, both in zip(contexts, answers, strict=True)
                for answer in both
            ]
        )
        template = "chat" if model.chat else "raw"
        scored = Scored(
            chance=0.5, settings={"template": template, "truncation": f"first {self.max_bytes} bytes of each answer"}
        )
        scored.also[SUMMED] = {}
        for item, both, likelihoods in zip(items, answers, zip(found[::2], found[1::2], strict=True), strict=True):
            if not all(answer.strip() for answer in both):
                scored.left_out[item.id] = SILENT
                continue
            values = [_logprob(one) for one in likelihoods]
            if wrong := next((one for one in values if isinstance(one, str)), None):
                scored.left_out[item.id] = wrong
                continue
            chosen, rejected = (float(one) for one in values)
            lengths = [len(answer.encode("utf-8", "surrogatepass")) for answer in both]
            scored.scores[item.id] = float(chosen / lengths[0] > rejected / lengths[1])
            scored.also[SUMMED][item.id] = float(chosen > rejected)
            scored.pairs[item.id] = PairLikelihood(chosen=chosen, rejected=rejected)
        return scored

    def _cut(self, answer: str) -> str:
        return answer.encode("utf-8", "surrogatepass")[: self.max_bytes].decode("utf-8", "ignore")


def _context(model: CausalModel, turns: Sequence[Message]) -> str:
    """The conversation as training gives it to the model."""
    return rendered(model, turns) if model.chat else "".join(f"{turn.content}\n" for turn in turns)


def _logprob(found: Likelihood | None) -> float | str:
    if found is None:
        return "longer than the model's context"
    return found.logprob if math.isfinite(found.logprob) else "the model's likelihood is not finite"
