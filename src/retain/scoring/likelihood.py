"""The likelihood engine: how likely a continuation is after its context, computed once where contexts are shared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch

from retain.scoring.likelihood_check import sharing_of
from retain.scoring.pair import Pair, Scored
from retain.scoring.plain import score_plain
from retain.scoring.room import LOGIT_VALUES, batch_tokens_for
from retain.scoring.shared import score_shared

__all__ = ["LikelihoodEngine", "Pair", "Scored"]


class LikelihoodEngine:
    """Scores continuations with one model.

    Requests that begin alike share the pass over their beginning (:mod:`retain.scoring.shared`). A model whose
    attention cannot be told what a token may see, or that the check at its first use finds to answer otherwise, is
    scored request by request in padded batches (:mod:`retain.scoring.plain`); so are requests longer than a sliding
    window. Both ways give the same numbers up to rounding.

    Args:
        module: a transformers causal model, or a PEFT wrapper of one, in evaluation mode when it scores.
        pad: token id for padding (masked out).
        batch_tokens: padded tokens in one forward pass; by default what suits the device and fits its memory.

    Attributes:
        unshared: why requests were scored one by one, in words; empty while all were shared.
        computed: tokens that went through the model so far, padding included.
    """

    def __init__(self, module: Any, pad: int, batch_tokens: int | None = None) -> None:
        self._module = module
        self._pad = pad
        self.batch_tokens = batch_tokens
        self.unshared = ""
        self.computed = 0

    def score(self, pairs: Sequence[Pair], tick: Callable[[int], None] = lambda done: None) -> list[Scored]:
        """Log-likelihood of each continuation given its context, in nats, in the order given.

        Log-probabilities are taken in fp32 from logits in the model's precision.

        Raises:
            torch.OutOfMemoryError: a single row does not fit into the device's memory.
        """
        if not pairs:
            return []
        sharing = sharing_of(self._module, self._pad)
        shared = [i for i, pair in enumerate(pairs) if sharing.covers(len(pair.context) + len(pair.continuation))]
        single = sorted(set(range(len(pairs))) - set(shared))
        if single:
            self.unshared = sharing.reason
        results: dict[int, Scored] = {}
        for way, chosen in ((score_shared, shared), (self._plain, single)):
            found = self._within_memory(way, [pairs[i] for i in chosen], partial(_ticked, tick, len(results)))
            results.update(zip(chosen, found, strict=True))
        return [results[i] for i in range(len(pairs))]

    def _plain(
        self, module: Any, pairs: Sequence[Pair], tokens: int, logits: int, tick: Any
    ) -> tuple[list[Scored], int]:
        return score_plain(module, pairs, self._pad, tokens, logits, tick)

    def _within_memory(self, way: Any, pairs: list[Pair], tick: Callable[[int], None]) -> list[Scored]:
        """Score in batches that fit: when the device runs out of memory, all again with half the tokens."""
        tokens = self.batch_tokens or batch_tokens_for(self._module)
        logits = LOGIT_VALUES
        longest = max((len(pair.context) + len(pair.continuation) for pair in pairs), default=0)
        while pairs:
            try:
                found, computed = way(self._module, pairs, tokens, logits, tick)
            except torch.OutOfMemoryError:
                if tokens < longest:
                    raise
                tokens, logits = tokens // 2, logits // 2
                _release()
                continue
            self.computed += computed
            return list(found)
        return []


def _ticked(tick: Callable[[int], None], before: int, done: int) -> None:
    tick(before + done)


def _release() -> None:
    """Give freed memory back to the device before a smaller batch is tried."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
