"""A model that attends through a function of ours for a while, where torch's own kernel is slow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import sdpa_mask

from retain.scoring.forward import bare

_HARMLESS = {"position_ids", "use_cache", "is_causal", "sliding_window"}
"""What models pass along to attention that is already in the mask, or nothing to attention."""


@contextmanager
def own_attention(module: Any, name: str, attend: Callable[..., Any]) -> Iterator[bool]:
    """Within it a model uses ``attend`` where that pays; gives whether it does.

    It pays in bf16 on a CPU, for a model that uses torch's scaled dot product attention: batched matrix products and a
    softmax take a third to a half of that kernel's time (docs/LOG.md).

    Args:
        module: a transformers causal model, or a PEFT wrapper of one.
        name: what ``attend`` is registered as with transformers.
        attend: an attention function as transformers' ``AttentionInterface`` describes it.
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
    AttentionInterface.register(name, attend)
    AttentionMaskInterface.register(name, sdpa_mask)
    model.set_attn_implementation(name)
    try:
        yield True
    finally:
        model.set_attn_implementation("sdpa")


def asks_for_more(dropout: float, others: Mapping[str, Any]) -> bool:
    """Whether a layer wants what plain attention with a mask does not do (soft capping, sinks, dropout)."""
    return bool(dropout) or any(others[name] is not None for name in others.keys() - _HARMLESS)
