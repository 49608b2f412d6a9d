"""Logits at the labelled positions only, for any causal model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from retain.scoring.head import logits_at

IGNORED = -100


def labelled_logits(module: Any, batch: Mapping[str, Any]) -> torch.Tensor:
    """Logits in fp32 at the positions whose next token is labelled, (positions, vocabulary), with gradient.

    Args:
        module: a transformers causal model, or a wrapper of one.
        batch: ``input_ids``, ``attention_mask`` and ``labels`` (-100 where nothing is trained), (rows, length).
    """
    wanted = torch.zeros_like(batch["labels"], dtype=torch.bool)
    wanted[:, :-1] = batch["labels"][:, 1:] != IGNORED
    inputs = {key: batch[key] for key in ("input_ids", "attention_mask", "position_ids") if key in batch}
    return logits_at(module, wanted, use_cache=False, **inputs).float()
