"""What the likelihood engine is asked and what it answers."""

from __future__ import annotations

from typing import NamedTuple


class Pair(NamedTuple):
    """Token ids of a context and of the continuation to score, at least one each."""

    context: list[int]
    continuation: list[int]


class Scored(NamedTuple):
    """Sum of log-probabilities in nats, and whether every token was the most likely one."""

    logprob: float
    greedy: bool
