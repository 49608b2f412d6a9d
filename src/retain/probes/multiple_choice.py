"""Multiple choice by likelihood: which continuation does the model find most likely?"""

from __future__ import annotations

import math
import string
from collections.abc import Sequence
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from retain.models.base import CausalModel, Likelihood, Request
from retain.probes.items import Item, ItemProbe, Scored
from retain.records import content_hash


class ChoiceItem(Item):
    """``{query, choices, gold}``, or for WinoGrande's shape ``{contexts, continuation, gold}``."""

    query: str = ""
    """Raw text that a choice continues, such as ``Question: ...\\nAnswer:``; used as it stands."""
    choices: tuple[str, ...] = ()
    contexts: tuple[str, ...] = ()
    """Instead of query and choices: beginnings, one of which the continuation fits."""
    continuation: str = ""
    gold: int = Field(ge=0)
    """Index of the right choice (or context), from 0."""
    subject: str | None = None
    """Named in the header of the letters style; shots come from the same subject."""
    passage: str | None = None
    """Text that is put before the query; items that share one are a cluster."""

    @model_validator(mode="after")
    def _one_shape(self) -> Self:
        if bool(self.contexts) == bool(self.choices):
            raise ValueError("needs either query and choices, or contexts and continuation")
        if self.choices and not self.query.strip():
            raise ValueError("query is empty")
        if self.contexts and not self.continuation.strip():
            raise ValueError("continuation is empty")
        options = self.choices or self.contexts
        if len(options) < 2:
            raise ValueError("needs at least two choices")
        if self.gold >= len(options):
            raise ValueError(f"gold is {self.gold}, but there are {len(options)} choices (counted from 0)")
        return self

    @property
    def options(self) -> tuple[str, ...]:
        """The choices, or the contexts in WinoGrande's shape."""
        return self.choices or self.contexts

    @property
    def full_query(self) -> str:
        """Passage and query."""
        return f"{self.passage}\n{self.query}" if self.passage else self.query

    @property
    def input(self) -> str:
        """The query with its passage, or the contexts."""
        return self.full_query if self.choices else "\n".join(self.contexts)

    @property
    def id(self) -> str:
        """Hash of query and choices (some sets ask "Which is true?" more than once)."""
        return content_hash(self.full_query, list(self.choices), list(self.contexts), self.continuation)

    @property
    def overlap_text(self) -> str:
        """The query; a very short one only together with its answer."""
        if self.contexts:
            return f"{self.contexts[self.gold]} {self.continuation}"
        text = self.full_query.strip().removesuffix("Answer:").strip().removeprefix("Question:").strip()
        return text if len(text.split()) >= 8 else f"{text} {self.choices[self.gold]}"

    @property
    def group(self) -> str | None:
        """The cluster given, or a hash of the passage or of WinoGrande's two contexts (twins)."""
        if self.cluster:
            return self.cluster
        if self.contexts:
            return content_hash(list(self.contexts))
        if self.passage:
            return content_hash(self.passage)
        head, mark, _ = self.query.partition("\nQuestion:")
        return content_hash(head) if mark and head.startswith("Passage:") else None


class MultipleChoice(ItemProbe):
    """Share of questions whose right choice has the highest likelihood; raw text, no chat template.

    The continuation is ``' ' + choice`` after the query as it stands: ARC's queries already end in
    ``Answer:``, HellaSwag's do not, and nothing is added to either. ``style: letters`` lists the choices as
    ``A. ...``, ends in ``Answer:`` and scores ``' A'``, ``' B'``, ... (MMLU's format).

    Items: ``{"query": str, "choices": [str], "gold": int, "subject"?, "passage"?, "cluster"?}`` or
    ``{"contexts": [str], "continuation": str, "gold": int, "cluster"?}``.

    Relations: cannot see a model that answers everything in the task's format; add probes that generate.
    """

    items: tuple[ChoiceItem, ...] = Field(default=(), exclude=True, repr=False)
    style: Literal["text", "letters"] = "text"
    """``text`` scores each choice's own words, ``letters`` lists them and scores the letter."""
    normalise: Literal["characters", "bytes", "tokens", "none"] = "characters"
    """What the log-likelihood of a choice is divided by."""
    shots: int = Field(default=0, ge=0)
    """Solved examples before each question: the first dev items (of its subject), which are not scored."""

    item_type: ClassVar[type[Item]] = ChoiceItem
    measures: ClassVar[str] = "accuracy"

    def problems(self) -> list[str]:
        """Too few dev items for the shots; shots or letters with WinoGrande's shape."""
        found = super().problems()
        partial = any(item.contexts for item in self.items)
        if partial and (self.shots or self.style == "letters"):
            found.append("items with contexts take neither shots nor style: letters")
        most = len(string.ascii_uppercase)
        if self.style == "letters" and any(len(item.choices) > most for item in self.items):
            found.append(f"style: letters takes at most {most} choices")
        if self.shots and not partial:
            for subject in sorted({item.subject or "" for item in self.items}):
                have = len(self._shots(subject or None))
                if have < self.shots:
                    about = f' of subject "{subject}"' if subject else ""
                    found.append(f"shots: {self.shots}, but there are only {have} dev items{about}")
        return found

    def _shots(self, subject: str | None) -> list[ChoiceItem]:
        dev = [item for item in super().pool("dev") if isinstance(item, ChoiceItem)]
        return [item for item in dev if item.subject == subject][: self.shots]

    def pool(self, split: Literal["dev", "test"]) -> list[Item]:
        """All items of a split but the shots, in hash order."""
        found = super().pool(split)
        if split == "test" or not self.shots:
            return found
        subjects = {item.subject for item in self.items}
        used = {shot.id for subject in subjects for shot in self._shots(subject)}
        return [item for item in found if item.id not in used]

    def score_items(self, model: CausalModel, items: Sequence[ChoiceItem]) -> Scored:
        """Score all choices of all items in one call."""
        heads = {subject: self._head(subject) for subject in {item.subject for item in items}}
        requests = [self._requests(item, heads[item.subject]) for item in items]
        answers = iter(model.loglikelihood([request for group in requests for request in group]))
        scored = Scored(settings={"template": "raw"})
        shares = []
        for item, group in zip(items, requests, strict=True):
            found = [next(answers) for _ in group]
            likely = self._best(item, found)
            if isinstance(likely, str):
                scored.left_out[item.id] = likely
                continue
            scored.scores[item.id] = float(likely == item.gold)
            shares.append(1 / len(item.options))
        scored.chance = sum(shares) / len(shares) if shares else None
        return scored

    def _head(self, subject: str | None) -> str:
        """What stands before the question: the header of the letters style and the shots."""
        parts = []
        if self.style == "letters" and subject:
            about = subject.replace("_", " ")
            parts.append(f"The following are multiple choice questions (with answers) about {about}.")
        for shot in self._shots(subject) if self.shots else []:
            parts.append(self._question(shot) + self._continuations(shot)[shot.gold])
        return "".join(f"{part}\n\n" for part in parts)

    def _question(self, item: ChoiceItem) -> str:
        if self.style == "text":
            return item.full_query
        query = item.full_query.rstrip().removesuffix("Answer:").rstrip()
        lines = [f"{letter}. {choice}" for letter, choice in zip(string.ascii_uppercase, item.choices, strict=False)]
        return "\n".join([query, *lines, "Answer:"])

    def _continuations(self, item: ChoiceItem) -> list[str]:
        if self.style == "letters":
            return [f" {letter}" for letter in string.ascii_uppercase[: len(item.choices)]]
        return [f" {choice.lstrip()}" for choice in item.choices]

    def _requests(self, item: ChoiceItem, head: str) -> list[Request]:
        if item.contexts:
            text = f" {item.continuation.lstrip()}"
            return [Request(context=context.rstrip(), continuation=text) for context in item.contexts]
        context = head + self._question(item).rstrip()
        return [Request(context=context, continuation=text) for text in self._continuations(item)]

    def _best(self, item: ChoiceItem, found: Sequence[Likelihood | None]) -> int | str:
        """Index of the most likely choice (the first of equals), or why there is none."""
        if self.style == "text" and not all(option.strip() for option in item.options):
            return "a choice is empty"
        values = []
        for option, likelihood in zip(item.options, found, strict=True):
            if likelihood is None:
                return "longer than the model's context"
            if math.isnan(likelihood.logprob):
                return "the model's likelihood is not a number"
            values.append(likelihood.logprob / self._length(option, item, likelihood))
        if not any(math.isfinite(value) for value in values):
            return "no choice has a finite likelihood"
        return max(range(len(values)), key=values.__getitem__)

    def _length(self, option: str, item: ChoiceItem, likelihood: Likelihood) -> float:
        text = item.continuation if item.contexts else option
        if self.style == "letters" and self.normalise in ("characters", "bytes"):
            return 1
        lengths = {"characters": len(text), "bytes": len(text.encode()), "tokens": likelihood.tokens}
        return max(1, lengths.get(self.normalise, 1))
