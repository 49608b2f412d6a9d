"""How much is computed at a time, scoring and writing: what suits the device, within the memory that is free."""

from __future__ import annotations

from typing import Any

import torch

from retain.scoring.memory_group import left_in_group

CPU_TOKENS = 1024
"""On a CPU a batch beyond this is no faster: its activations leave the cache (measured: docs/LOG.md)."""
GPU_TOKENS = 16384
"""On an accelerator, enough to keep it busy."""
LOGIT_VALUES = 2**27
"""At most this many logit values in one forward pass (256 MB in bf16)."""
MOST_ROWS = {"cpu": 128, "mps": 128, "cuda": 512}
"""Sequences that are written at a time: beyond it a step takes longer in proportion."""
SHARE = 0.5
"""Of the memory that is free at the moment, what may be taken."""
UNKNOWN_MEMORY = 4 * 2**30
"""Bytes taken as free where nothing tells."""
LOGIT_COPIES = 4
"""Of a row's logits in fp32, while a token is chosen."""
LEAST_TOKENS = 128


def batch_tokens_for(module: Any) -> int:
    """Padded tokens in one forward pass of scoring: what suits the device, less where its free memory is small."""
    best = CPU_TOKENS if module.device.type == "cpu" else GPU_TOKENS
    fits = int(SHARE * free_memory(module.device) / bytes_per_token(module))
    return max(LEAST_TOKENS, min(best, fits))


def bytes_per_token(module: Any) -> int:
    """A generous estimate of a forward pass's memory per token: the widest layer's activations, held a few times.

    Hidden states count 16 times (residual, norms, queries, keys, values, outputs, some of them in fp32), the feed
    forward width 4 times, all in the model's precision, and a row of the attention mask once.
    """
    config = module.config.get_text_config()
    hidden = int(getattr(config, "hidden_size", 0) or 1024)
    inner = int(getattr(config, "intermediate_size", 0) or 4 * hidden)
    return (16 * hidden + 4 * inner + 1024) * int(torch.finfo(module.dtype).bits // 8)


def rows_that_fit(module: Any, tokens: int, bytes_per_token: int) -> int:
    """Rows whose caches and logits fit into half of the free memory; at least 1, at most ``MOST_ROWS``.

    Args:
        module: a transformers causal model.
        tokens: of the longest prompt and its answer.
        bytes_per_token: keys and values of one token in all layers.
    """
    vocabulary = int(module.config.get_text_config().vocab_size)
    row = tokens * bytes_per_token + vocabulary * 4 * LOGIT_COPIES
    return max(1, min(MOST_ROWS.get(module.device.type, 128), int(free_memory(module.device) * SHARE / row)))


def free_memory(device: Any) -> int:
    """Bytes that are free on a device; on a CPU those of the machine, or what a container's or a job's limit leaves."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    if device.type == "mps":
        return int(torch.mps.recommended_max_memory() - torch.mps.current_allocated_memory())
    try:
        import psutil
    except ImportError:
        return UNKNOWN_MEMORY
    return min(int(psutil.virtual_memory().available), left_in_group())
