"""How far apart two answers to one prompt are, where they first differ."""

from __future__ import annotations

from typing import Any

import torch

from retain.scoring.forward import bare


def logit_gap(module: Any, prompt: list[int], first: list[int], second: list[int]) -> float:
    """By how much the model prefers one of two answers to the other at the first token in which they differ.

    The logits of the two tokens in one plain forward pass over the prompt and the common tokens. Rounding differs
    with the shape of a batch, so two correct ways of decoding may part where this gap is no larger than rounding; a
    wrong one parts anywhere.

    Returns:
        0 for equal answers, and where one is the beginning of the other the gap is infinite: put the end token behind
        an answer that ended by itself.
    """
    place = next((i for i, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), None)
    if place is None:
        return 0.0 if len(first) == len(second) else float("inf")
    ids = torch.tensor([prompt + first[:place]], device=module.device)
    with torch.inference_mode():
        logits = module(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False).logits[0, -1].float()
    return float((logits[first[place]] - logits[second[place]]).abs())


ROUNDING_GAP = {torch.float32: 1e-3}
LOW_PRECISION_GAP = 0.5


def rounding_gap(module: Any) -> float:
    """The logit gap up to which two ways of decoding may part at a model's precision: 1e-3 in fp32, else 0.5."""
    return ROUNDING_GAP.get(bare(module).dtype, LOW_PRECISION_GAP)
