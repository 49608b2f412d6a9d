"""How much goes into one forward pass: what suits the device, within the memory that is free."""

from __future__ import annotations

from typing import Any

import torch

from retain.scoring.rows_that_fit import free_memory

CPU_TOKENS = 1024
"""On a CPU a batch beyond this is no faster: its activations leave the cache (measured: docs/LOG.md)."""
GPU_TOKENS = 16384
"""On an accelerator, enough to keep it busy."""
LOGIT_VALUES = 2**27
"""At most this many logit values in one forward pass (256 MB in bf16)."""
SHARE = 0.5
"""Of the free memory, what a forward pass may take."""
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
