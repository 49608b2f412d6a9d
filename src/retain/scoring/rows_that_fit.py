"""How many sequences can be written at a time: from memory, and no more than pays."""

from __future__ import annotations

from typing import Any

import torch

MOST_ROWS = {"cpu": 128, "mps": 128, "cuda": 512}
"""Beyond it a step takes longer in proportion."""
USED_SHARE = 0.5
"""Of the memory that is free at the moment."""
UNKNOWN_MEMORY = 4 * 2**30
"""Bytes taken as free where nothing tells."""
LOGIT_COPIES = 4
"""Of a row's logits in fp32, while a token is chosen."""


def rows_that_fit(module: Any, tokens: int, bytes_per_token: int) -> int:
    """Rows whose caches and logits fit into half of the free memory; at least 1, at most ``MOST_ROWS``.

    Args:
        module: a transformers causal model.
        tokens: of the longest prompt and its answer.
        bytes_per_token: keys and values of one token in all layers.
    """
    vocabulary = int(module.config.get_text_config().vocab_size)
    row = tokens * bytes_per_token + vocabulary * 4 * LOGIT_COPIES
    return max(1, min(MOST_ROWS.get(module.device.type, 128), int(free_memory(module.device) * USED_SHARE / row)))


def free_memory(device: Any) -> int:
    """Bytes that are free on a device."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    if device.type == "mps":
        return int(torch.mps.recommended_max_memory() - torch.mps.current_allocated_memory())
    try:
        import psutil  # type: ignore[import-untyped]
    except ImportError:
        return UNKNOWN_MEMORY
    return int(psutil.virtual_memory().available)
