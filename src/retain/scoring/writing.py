"""What is asked of the generation engine, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple


class Written(NamedTuple):
    """The token ids that a model wrote, without the end token, and whether it ended by itself.

    With a stop string, the ids reach to the token that completed it.
    """

    ids: list[int]
    stopped: bool


class Sampling(NamedTuple):
    """How the next token is chosen; temperature 0 takes the most likely one."""

    max_tokens: int
    temperature: float
    top_p: float
    seed: int


class Stops(NamedTuple):
    """Strings that end an answer, and how token ids become text."""

    strings: tuple[str, ...] = ()
    decode: Callable[[list[int]], str] = str


NO_STOPS = Stops()


class Order(NamedTuple):
    """Everything that decides what is written, apart from the model."""

    prompts: Sequence[list[int]]
    """Token ids, at least one each."""
    sampling: Sampling
    ends: set[int]
    """Token ids that end an answer."""
    pad: int
    """Fills rows of uneven length; masked, so its value does not matter."""
    stops: Stops = NO_STOPS
