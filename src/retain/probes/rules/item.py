"""What the rules read: an item with its accepted answers, and the probe's options."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Protocol, Self

from pydantic import Field, field_validator, model_validator

from retain.models.base import Message
from retain.probes.items import Item, conversation, readable
from retain.records import Response


class CannotScore(Exception):
    """This item has no score, for the reason given; it is left out and counted."""


class AnswerItem(Item):
    """``{prompt | messages, answer, ...}``: a question and what counts as a right answer."""

    prompt: str = ""
    """One user turn."""
    messages: tuple[Message, ...] = ()
    """Instead of a prompt: several turns, the last of them the user's."""
    system: str = ""
    """A system turn before it."""
    answer: tuple[str, ...] = ()
    """The accepted answers: one string or a list; numbers and JSON objects are taken as their text."""
    pattern: str = ""
    """``score: regex``: what must be found in the answer."""
    min_words: int | None = Field(default=None, ge=1)
    """``score: length`` and ``refusal``: at least this many words."""
    max_words: int | None = Field(default=None, ge=1)
    """``score: length``: at most this many words; ``score: contains``: a longer answer is wrong."""

    @field_validator("answer", mode="before")
    @classmethod
    def _as_texts(cls, value: Any) -> Any:
        if isinstance(value, dict | int | float):
            return (json.dumps(value),)
        if isinstance(value, str):
            return (value,)
        if isinstance(value, list) and any(isinstance(part, dict | list) for part in value):
            return (json.dumps(value),)
        if isinstance(value, list):
            return tuple(part if isinstance(part, str) else json.dumps(part) for part in value)
        return value

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if bool(self.prompt.strip()) == bool(self.messages):
            raise ValueError("needs either prompt or messages")
        if self.messages and self.messages[-1].role == "assistant":
            raise ValueError("the last message must not be the assistant's")
        if any(not answer.strip() for answer in self.answer):
            raise ValueError("an accepted answer is empty")
        if self.min_words and self.max_words and self.min_words > self.max_words:
            raise ValueError(f"min_words {self.min_words} is above max_words {self.max_words}")
        return self

    @property
    def turns(self) -> tuple[Message, ...]:
        """The conversation up to the answer."""
        return conversation(self.prompt, self.messages, self.system)

    @property
    def input(self) -> str:
        """The turns' contents."""
        return readable(self.turns)

    @property
    def reference(self) -> str:
        """The expected answer as a person would read it."""
        bounds = [f"at least {self.min_words} words"] if self.min_words else []
        bounds += [f"at most {self.max_words} words"] if self.max_words else []
        return " | ".join(self.answer) or self.pattern or ", ".join(bounds)


class Options(Protocol):
    """What a probe's settings tell a rule."""

    @property
    def tolerance(self) -> float:
        """Largest difference of two equal numbers."""
        ...

    @property
    def database(self) -> Path | None:
        """The SQLite file that queries are run on."""
        ...

    @property
    def time_limit(self) -> float:
        """Seconds for one query or one pattern."""
        ...


class Rule(Protocol):
    """A module of this folder."""

    def problem(self, item: AnswerItem, options: Options) -> str | None:
        """Why this rule cannot score the item, or None."""
        ...

    def right(self, response: Response, item: AnswerItem, options: Options) -> bool:
        """Whether the answer is right."""
        ...


def needs_answer(item: AnswerItem) -> str | None:
    """The problem of an item without an accepted answer."""
    return None if item.answer else "it has no answer"
