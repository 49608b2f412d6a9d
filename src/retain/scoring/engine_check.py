"""Whether a model can be written with in continuous batches; tried once on a few short prompts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import torch
from transformers.cache_utils import DynamicCache, DynamicLayer, DynamicSlidingWindowLayer

from retain.scoring.continuous import write_continuously
from retain.scoring.divergence import logit_gap, rounding_gap
from retain.scoring.forward import bare, forward
from retain.scoring.plain_generation import write_plainly
from retain.scoring.writing import Order, Sampling, Written

CHECK_LENGTHS = (24, 1, 13, 7)
"""Tokens of the prompts that are tried; beginnings of one prompt of the caller, so they share a prefix."""
CHECK_TOKENS = 6
CHECK_ROWS = 2
"""So that rows leave and enter during the check."""


class Ability(NamedTuple):
    """Why a model cannot be written with in continuous batches (None when it can), and what a token costs."""

    reason: str | None
    bytes_per_token: int
    """Keys and values of one token in all layers; 0 where there are none."""


_known: WeakKeyDictionary[Any, Ability] = WeakKeyDictionary()


def ability(module: Any, example: list[int], pad: int) -> Ability:
    """What is known about this model; found out at its first use, within a few forward passes.

    Args:
        module: a transformers causal model, or a PEFT wrapper of one, in evaluation mode.
        example: token ids of any prompt; its beginnings are tried.
        pad: token id for padding.
    """
    if module not in _known:
        reason = unsuited(module)
        cost = 0 if reason else _bytes_per_token(module, example)
        _known[module] = Ability(reason or _disagreement(module, example, pad), cost)
    return _known[module]


def unsuited(module: Any) -> str | None:
    """What in a model's configuration speaks against it; None when nothing does."""
    peft = getattr(module, "active_peft_config", None)
    if getattr(peft, "is_prompt_learning", False):
        return "a learned prompt is put before every input"
    if getattr(bare(module), "_is_stateful", False):
        return "recurrent state"
    config = module.config.get_text_config(decoder=True)
    if getattr(config, "is_encoder_decoder", False):
        return "encoder and decoder"
    others = {type(layer).__name__ for layer in DynamicCache(config=config).layers} - {
        DynamicLayer.__name__,
        DynamicSlidingWindowLayer.__name__,
    }
    if others:
        return f"its cache has layers of kind {', '.join(sorted(others))}"
    if "chunked_attention" in (getattr(config, "layer_types", None) or []):
        return "attention within chunks"
    rope = getattr(config, "rope_parameters", None) or {}
    kinds = {str(one.get("rope_type")) for one in (rope, *rope.values()) if isinstance(one, dict)}
    if changing := kinds & {"dynamic", "longrope"}:
        return f"its positions are scaled by the longest sequence of a batch ({', '.join(sorted(changing))})"
    return None


def _bytes_per_token(module: Any, example: list[int]) -> int:
    cache = DynamicCache()
    ids = torch.tensor([example[:1]], device=module.device)
    with torch.inference_mode():
        forward(module, ids, torch.ones_like(ids), torch.zeros_like(ids), cache)
    return sum(int(layer.keys.nbytes + layer.values.nbytes) for layer in cache.layers)


def _disagreement(module: Any, example: list[int], pad: int) -> str | None:
    """How the two ways of writing differ; None when they agree up to rounding."""
    prompts = [example[:length] for length in CHECK_LENGTHS]
    order = Order(prompts, Sampling(CHECK_TOKENS, 0.0, 1.0, 0), set(), pad)
    try:
        with torch.inference_mode():
            found = _answers(module, order, write_continuously, CHECK_ROWS)
    except torch.OutOfMemoryError:
        raise
    except (RuntimeError, TypeError, ValueError, AttributeError, IndexError, KeyError, NotImplementedError) as error:
        return f"it does not take our cache ({type(error).__name__}: {str(error).strip().splitlines()[0][:120]})"
    with torch.inference_mode():
        plain = _answers(module, order, write_plainly, len(prompts))
    for prompt, ours, theirs in zip(prompts, found, plain, strict=True):
        gap = logit_gap(module, prompt, ours, theirs)
        if gap > rounding_gap(module):
            return f"its answers differ from those of plain generation (by {gap:.2g} in the logits)"
    return None


def _answers(module: Any, order: Order, write: Callable[..., None], rows: int) -> list[list[int]]:
    found: dict[int, Written] = {}
    write(module, order, range(len(order.prompts)), rows, found.__setitem__)
    return [found[index].ids for index in range(len(order.prompts))]
