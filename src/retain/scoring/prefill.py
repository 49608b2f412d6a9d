"""Computing prompts before anything is written: many at a time, a common beginning once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from transformers.cache_utils import DynamicCache

from retain.scoring.forward import forward

PREFILL_TOKENS = 4096
"""Tokens in one forward pass, padding included."""
PADDING_TOKENS = 128
"""Padding in one forward pass; more costs more than another pass."""


def compute_prefix(module: Any, prefix: list[int]) -> Any:
    """The cache of one sequence, one row; None when it is empty."""
    return _extended(module, None, [prefix], 0) if prefix else None


def prefilled(
    module: Any, cached_prefix: Any, sequences: Sequence[list[int]], prefix: int
) -> Iterator[tuple[Any, list[list[int]]]]:
    """Caches of sequences that begin with the same ``prefix`` tokens, a forward pass at a time.

    Args:
        module: a transformers causal model, or a PEFT wrapper of one.
        cached_prefix: the prefix's cache, one row; None when ``prefix`` is 0.
        sequences: token ids, the prefix included; may be as short as the prefix.
        prefix: tokens that all sequences share.

    Yields:
        A cache whose row i holds the i-th of the sequences beside it from column 0 on (None when they are empty).
    """
    for batch in _batches(sequences):
        rest = [sequence[prefix:] for sequence in batch]
        if not any(rest) and not prefix:
            yield None, batch
        else:
            yield _extended(module, cached_prefix, rest, prefix), batch


def _batches(sequences: Sequence[list[int]]) -> Iterator[list[list[int]]]:
    """Neighbours together, within ``PREFILL_TOKENS`` and ``PADDING_TOKENS``."""
    batch: list[list[int]] = []
    for sequence in sequences:
        lengths = [len(one) for one in [*batch, sequence]]
        tokens = len(lengths) * max(lengths)
        if batch and (tokens > PREFILL_TOKENS or tokens - sum(lengths) > PADDING_TOKENS):
            yield batch
            batch = []
        batch.append(sequence)
    if batch:
        yield batch


def _extended(module: Any, cached_prefix: Any, rest: Sequence[list[int]], prefix: int) -> Any:
    """The prefix's cache repeated for each row and continued by it, padded on the right.

    A column is then a position, which sliding windows and position biases need; padding stands behind every token of
    its row, where causal attention does not look.
    """
    width = max(len(row) for row in rest)
    cache = DynamicCache()  # of no particular model: a sliding window's layers, too, keep all tokens
    for number, layer in enumerate(cached_prefix.layers if cached_prefix is not None else []):
        repeated = (states.expand(len(rest), *states.shape[1:]) for states in (layer.keys, layer.values))
        cache.update(*repeated, number)
    if width:
        ids = torch.zeros((len(rest), width), dtype=torch.long)
        mask = torch.zeros((len(rest), prefix + width), dtype=torch.long)
        for row, tokens in enumerate(rest):
            ids[row, : len(tokens)] = torch.tensor(tokens, dtype=torch.long)
            mask[row, : prefix + len(tokens)] = 1
        positions = torch.arange(prefix, prefix + width).expand(len(rest), width)
        forward(module, ids.to(module.device), mask.to(module.device), positions.to(module.device), cache)
    return cache
