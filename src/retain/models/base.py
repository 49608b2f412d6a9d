"""What a probe and a mitigation may ask of a model. Structural types: anything with these methods will do."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol, runtime_checkable

from retain.records import Record, Response


class Message(Record):
    """One turn of a conversation."""

    role: str
    content: str


Prompt = str | tuple[Message, ...]
"""A string is raw text; messages go through the model's chat template."""


class Limits(Record):
    """When generation ends and how tokens are chosen. ``temperature`` 0 is greedy."""

    max_tokens: int = 32
    stop: tuple[str, ...] = ()
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0


class Request(Record):
    """A continuation to score given a context. An empty context scores the text from its start."""

    context: str
    continuation: str


class Likelihood(Record):
    """How likely a continuation is: the sum of log-probabilities in nats."""

    logprob: float
    tokens: int
    greedy: bool
    """Every token was the most likely one."""


@runtime_checkable
class Model(Protocol):
    """Anything that can be measured."""

    @property
    def name(self) -> str:
        """What a person calls it."""
        ...

    @property
    def fingerprint(self) -> str:
        """Hash of the weights, the tokenizer and the load options."""
        ...

    def as_base(self) -> AbstractContextManager[None]:
        """Within it, the model answers as the base did before training."""
        ...


@runtime_checkable
class CausalModel(Model, Protocol):
    """A language model that writes and scores text."""

    @property
    def context_length(self) -> int:
        """Longest sequence in tokens."""
        ...

    @property
    def chat(self) -> bool:
        """True when the tokenizer has a chat template."""
        ...

    def generate(self, prompts: Sequence[Prompt], limits: Limits) -> list[Response]:
        """Continue each prompt; the answers come in the prompts' order."""
        ...

    def loglikelihood(self, requests: Sequence[Request]) -> list[Likelihood | None]:
        """Score each continuation; None where it is longer than the context and cannot be scored."""
        ...


Pair = tuple[str, str]
"""A query and a document."""


@runtime_checkable
class RerankerModel(Model, Protocol):
    """A model that says how well a document answers a query."""

    @property
    def context_length(self) -> int:
        """Longest query with document in tokens."""
        ...

    def score_pairs(self, pairs: Sequence[Pair], max_tokens: int) -> list[float]:
        """A score for each pair, as a logit: the higher the better, above 0 more likely relevant than not.

        A pair of more than ``max_tokens`` tokens loses the end of its longer text.
        """
        ...

    def score(self, query: str, documents: Sequence[str], max_tokens: int) -> list[float]:
        """A score for each document of one query."""
        ...
