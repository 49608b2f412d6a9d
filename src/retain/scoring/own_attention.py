"""Attention by matrix products, put into a model for a while, where torch's own kernel is slow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn.functional import pad
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from retain.scoring.forward import bare

NAME = "retain"
"""What :func:`attend` is registered as with transformers."""
SCORES = 2**21
"""Attention scores computed at once: beyond it, fresh memory costs more than the products."""
LANES = 32
"""A softmax over columns that do not divide by it takes up to twice the time: the rest goes value by value."""
_HARMLESS = {"position_ids", "use_cache", "is_causal", "sliding_window"}
"""What models pass along to attention that is already in the mask, or nothing to attention."""


@contextmanager
def own_attention(module: Any) -> Iterator[bool]:
    """Within it a model uses :func:`attend` where that pays; gives whether it does.

    It pays in bf16 on a CPU, for a model that uses torch's scaled dot product attention: batched matrix products and a
    softmax take a third to a half of that kernel's time (docs/LOG.md).

    Args:
        module: a transformers causal model, or a PEFT wrapper of one.
    """
    model = bare(module)
    pays = (
        model.device.type == "cpu"
        and model.dtype == torch.bfloat16
        and model.config._attn_implementation == "sdpa"
        and not model.config.sub_configs
    )
    if not pays:
        yield False
        return
    AttentionInterface.register(NAME, attend)
    AttentionMaskInterface.register(NAME, sdpa_mask)
    model.set_attn_implementation(NAME)
    try:
        yield True
    finally:
        model.set_attn_implementation("sdpa")


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
    """Scaled dot product attention with a mask; the softmax sums in fp32.

    Query heads that share a key head are taken together, so that keys and values are not copied. What this does not
    know of (no mask, dropout, soft capping, sinks) is left to transformers.

    Args:
        module: the attention layer; not read.
        query: (rows, heads, length, size).
        key: (rows, key heads, columns, size); every key head serves as many query heads as divide evenly.
        value: like ``key``, its size may differ.
        attention_mask: (rows, 1, length, columns): true where a token may look, or added to the scores.
        dropout: left to transformers when not 0.
        scaling: of the products; by default one by the root of the size.
        kwargs: what else the model passes.

    Returns:
        (rows, length, heads, size), and no weights.
    """
    if attention_mask is None or dropout or any(kwargs[name] is not None for name in kwargs.keys() - _HARMLESS):
        found: tuple[torch.Tensor, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **kwargs
        )
        return found
    scaling = query.shape[-1] ** -0.5 if scaling is None else scaling
    if attention_mask.dtype == torch.bool:
        lowest = torch.finfo(query.dtype).min
        attention_mask = torch.zeros_like(attention_mask, dtype=query.dtype).masked_fill_(~attention_mask, lowest)
    if query.shape[2] >= LANES:
        key, value, attention_mask = _whole_lanes(key, value, attention_mask)
    rows, heads, length, _ = query.shape
    output = query.new_empty(rows, length, heads, value.shape[-1])
    at_once = max(1, SCORES // (heads * length * key.shape[2]))
    parts = zip(*(tensor.split(at_once) for tensor in (query, key, value, attention_mask, output)), strict=True)
    for some_query, some_key, some_value, mask, place in parts:
        place.copy_(_attend(some_query, some_key, some_value, mask, scaling).transpose(1, 2))
    return output, None


def _whole_lanes(key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Columns that nobody sees appended until their number divides by the processor's lanes."""
    missing = -key.shape[2] % LANES
    if not missing:
        return key, value, mask
    return (
        pad(key, (0, 0, 0, missing)),
        pad(value, (0, 0, 0, missing)),
        pad(mask, (0, missing), value=torch.finfo(mask.dtype).min),
    )


def _attend(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor, scaling: float
) -> torch.Tensor:
    """(rows, heads, length, size) of a few rows."""
    rows, heads, length, size = query.shape
    shared, columns = key.shape[1], key.shape[2]
    grouped = query.reshape(rows * shared, -1, size)
    scores = query.new_empty(rows, heads, length, columns).copy_(mask).view(rows * shared, -1, columns)
    scores.baddbmm_(grouped, key.reshape(rows * shared, columns, size).transpose(1, 2), alpha=scaling)
    output = torch.bmm(scores.softmax(-1), value.reshape(rows * shared, columns, -1))
    return output.view(rows, heads, length, -1)
