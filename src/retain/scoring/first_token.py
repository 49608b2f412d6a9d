"""Encoders whose answer is read off the first token: in the last layer no other one must be finished."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn import functional

PARTS = ("query", "key", "value", "num_attention_heads", "attention_head_size", "scaling")


def last_attention(module: Any) -> Any | None:
    """The attention of an encoder's last layer; None where the model is not built like BERT.

    BERT, RoBERTa, XLM-RoBERTa, ELECTRA and their kin: ``encoder.layer[-1].attention`` with ``self``, which attends, and
    ``output(attended, before)``, on which the feed-forward part follows.
    """
    for name, layers in module.named_modules():
        if name.endswith("encoder.layer") and isinstance(layers, torch.nn.ModuleList):
            attention = getattr(layers[-1], "attention", None)
            own, output = getattr(attention, "self", None), getattr(attention, "output", None)
            known = all(hasattr(own, part) for part in PARTS) and hasattr(output, "LayerNorm")
            return attention if known else None
    return None


@contextmanager
def first_token_only(attention: Any | None) -> Iterator[None]:
    """Within it, the last layer computes the first token of each row alone, from the keys and values of all.

    Args:
        attention: what :func:`last_attention` gives; nothing is done for None.
    """
    if attention is None:
        yield
        return
    own = attention.self
    before = own.__dict__.get("forward")  # accelerate's, where there is one
    handle = attention.output.register_forward_pre_hook(lambda layer, args: tuple(one[:, :1] for one in args))
    own.forward = _attend_to_first(own)
    try:
        yield
    finally:
        handle.remove()
        if before is None:
            del own.forward
        else:
            own.forward = before


def _attend_to_first(own: Any) -> Callable[..., tuple[torch.Tensor, None]]:
    """What takes the place of an attention's ``forward``: (rows, length, hidden) -> (rows, 1, hidden)."""

    def heads(states: torch.Tensor) -> torch.Tensor:
        return states.unflatten(-1, (own.num_attention_heads, own.attention_head_size)).transpose(1, 2)

    def forward(
        hidden_states: torch.Tensor, attention_mask: torch.Tensor | None = None, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, None]:
        query, key, value = own.query(hidden_states[:, :1]), own.key(hidden_states), own.value(hidden_states)
        mask = attention_mask[:, :, :1] if attention_mask is not None else None
        attended = functional.scaled_dot_product_attention(
            heads(query), heads(key), heads(value), attn_mask=mask, scale=own.scaling
        )
        return attended.transpose(1, 2).flatten(2), None

    return forward
