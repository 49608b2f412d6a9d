"""One forward pass of a causal model with a cache, through what transformers documents."""

from __future__ import annotations

import inspect
from functools import lru_cache
from typing import Any

import torch


def bare(module: Any) -> Any:
    """The transformers model inside a PEFT wrapper, or the model itself."""
    return module.get_base_model() if hasattr(module, "get_base_model") else module


def forward(module: Any, ids: torch.Tensor, mask: torch.Tensor, positions: torch.Tensor, cache: Any) -> torch.Tensor:
    """Logits after the last column, (rows, vocabulary); the cache is updated in place.

    Args:
        module: a transformers causal model, or a PEFT wrapper of one.
        ids: new tokens, (rows, columns).
        mask: 1 for a token and 0 for padding, (rows, cached and new columns).
        positions: place of each new token in its sequence, (rows, columns).
        cache: keys and values of the tokens before.
    """
    wanted = {"position_ids": positions, "logits_to_keep": last_columns(ids, 1)}
    kind: Any = type(bare(module))
    asked = {name: value for name, value in wanted.items() if name in arguments(kind)}
    output = module(input_ids=ids, attention_mask=mask, past_key_values=cache, use_cache=True, **asked)
    logits: torch.Tensor = output.logits[:, -1]
    return logits


def last_columns(ids: torch.Tensor, count: int) -> torch.Tensor:
    """The last columns by their numbers, for ``logits_to_keep``, so that their states are copied out.

    As a slice of wider states they lie apart in memory, and torch multiplies such states with frozen weights row by row
    and copies the weights for each row: below an adapter the head of a vocabulary of 49,152 took 57 MB a row, and a
    third of the pass (docs/LOG.md).
    """
    width = ids.shape[1]
    return torch.arange(width - count, width, device=ids.device)


@lru_cache(maxsize=8)
def arguments(kind: Any) -> frozenset[str]:
    """What a class of models takes; position ids and ``logits_to_keep`` are not known to all."""
    return frozenset(inspect.signature(kind.forward).parameters)
