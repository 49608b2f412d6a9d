"""Attention of one new token per row, by matrix products, where torch's own kernel is slow."""

from __future__ import annotations

from typing import Any

import torch
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from retain.scoring.own_attention import asks_for_more

NAME = "retain_one_token"


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
    """Scaled dot product attention; softmax in fp32, as in transformers' own ``eager`` attention.

    Anything but one query per row, and anything that this does not know of, is left to transformers.

    Args:
        module: the attention layer; not read.
        query: (rows, heads, 1, size).
        key: (rows, key heads, columns, size); every key head serves as many query heads as divide evenly.
        value: like ``key``, its size may differ.
        attention_mask: (rows, 1, 1, columns), true where a token may look, or None.
        dropout: left to transformers when not 0.
        scaling: of the products; by default one by the root of the size.
        kwargs: what else the model passes.

    Returns:
        (rows, 1, heads, size), and no weights.
    """
    rows, heads, columns, size = query.shape[0], key.shape[1], key.shape[2], query.shape[3]
    special = asks_for_more(dropout, kwargs)
    if special or query.shape[2] != 1 or (attention_mask is not None and attention_mask.dtype != torch.bool):
        found: tuple[torch.Tensor, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **kwargs
        )
        return found
    grouped = (query * (size**-0.5 if scaling is None else scaling)).reshape(rows * heads, -1, size)
    scores = torch.bmm(grouped, key.flatten(0, 1).transpose(1, 2)).float().view(rows, heads, -1, columns)
    if attention_mask is not None:
        scores = scores.masked_fill(~attention_mask, float("-inf"))
    weights = scores.softmax(-1).to(value.dtype).view(rows * heads, -1, columns)
    output = torch.bmm(weights, value.flatten(0, 1))
    return output.view(rows, 1, -1, value.shape[-1]), None
