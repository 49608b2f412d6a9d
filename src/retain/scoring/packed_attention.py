"""Attention of rows that pack several sequences, by matrix products, where torch's own kernel is slow."""

from __future__ import annotations

from typing import Any

import torch
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from retain.scoring.own_attention import asks_for_more

NAME = "retain_packed"
SCORES = 2**21
"""Attention scores computed at once: beyond it, fresh memory costs more than the products."""


def attend(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """Scaled dot product attention with an additive mask; the softmax sums in fp32.

    Query heads that share a key head are taken together, so that keys and values are not copied. Anything that this
    does not know of is left to transformers.

    Args:
        module: the attention layer; not read.
        query: (rows, heads, length, size).
        key: (rows, key heads, columns, size); every key head serves as many query heads as divide evenly.
        value: like ``key``, its size may differ.
        attention_mask: (rows, 1, length, columns), added to the scores; of the queries' type.
        dropout: left to transformers when not 0.
        scaling: of the products; by default one by the root of the size.
        kwargs: what else the model passes.

    Returns:
        (rows, length, heads, size), and no weights.
    """
    if attention_mask is None or attention_mask.dtype != query.dtype or asks_for_more(dropout, kwargs):
        found: tuple[torch.Tensor, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **kwargs
        )
        return found
    scaled = query * (query.shape[-1] ** -0.5 if scaling is None else scaling)
    at_once = max(1, SCORES // (query.shape[1] * query.shape[2] * key.shape[2]))
    parts = [
        _attend(*rows)
        for rows in zip(
            *(tensor.split(at_once) for tensor in (scaled, key, value, attention_mask)),
            strict=True,
        )
    ]
    return torch.cat(parts).transpose(1, 2).contiguous(), None


def _attend(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """(rows, heads, length, size) of a few rows."""
    rows, heads, length, size = query.shape
    shared, columns = key.shape[1], key.shape[2]
    grouped = query.reshape(rows * shared, -1, size)
    scores = torch.bmm(grouped, key.reshape(rows * shared, columns, size).transpose(1, 2))
    scores.view(rows, heads, length, columns).add_(mask)
    output = torch.bmm(scores.softmax(-1), value.reshape(rows * shared, columns, -1))
    return output.view(rows, heads, length, -1)
