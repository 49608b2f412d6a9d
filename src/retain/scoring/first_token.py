"""Encoders whose answer is read off the first token: the last layer need not finish the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

TOLERANCE = 1e-4
"""How far a checked score may lie from the whole pass's, in fp32: rounding."""
LOOSE = 0.05
"""The same in lower precisions."""


def last_output(module: Any) -> Any | None:
    """What follows attention in an encoder's last layer; None where the model is not built like BERT.

    BERT, RoBERTa, XLM-RoBERTa, ELECTRA and their kin: ``encoder.layer[-1].attention.output(attended, before)``.
    """
    for name, layers in module.named_modules():
        if name.endswith("encoder.layer") and isinstance(layers, torch.nn.ModuleList):
            attention = getattr(layers[-1], "attention", None)
            output = getattr(attention, "output", None)
            return output if hasattr(output, "dense") and hasattr(output, "LayerNorm") else None
    return None


@contextmanager
def first_token_only(output: Any | None) -> Iterator[None]:
    """Within it, the last layer works on from attention with the first token of each row alone.

    Args:
        output: what :func:`last_output` gives; nothing is done for None.
    """
    if output is None:
        yield
        return
    handle = output.register_forward_pre_hook(lambda layer, args: tuple(one[:, :1] for one in args))
    try:
        yield
    finally:
        handle.remove()


def takes_first_token(module: Any, batch: Mapping[str, torch.Tensor]) -> bool:
    """Whether a model gives the same scores either way, tried on a batch."""
    output = last_output(module)
    if output is None:
        return False
    whole = module(**batch).logits.float()
    try:
        with first_token_only(output):
            short = module(**batch).logits.float()
    except (RuntimeError, IndexError, TypeError, ValueError):
        return False
    near = TOLERANCE if module.dtype == torch.float32 else LOOSE
    return whole.shape == short.shape and bool(torch.allclose(whole, short, rtol=near, atol=near))
