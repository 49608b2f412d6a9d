"""Whether a model's answers stay the same when a row is padded on the left; tried once on a short row."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import torch

from retain.scoring.divergence import rounding_gap
from retain.scoring.forward import arguments, bare

ROW, PADDING = 3, 8
"""Tokens of the row that is tried, and before it."""
LEAK = {torch.float32: 1e-4}
LOW_PRECISION_LEAK = 0.05
"""By how much a logit may depend on which tokens are masked. Nothing of them should come through, but experts compute
with other numbers of rows when the padding takes another way."""

_known: WeakKeyDictionary[Any, bool] = WeakKeyDictionary()


def takes_left_padding(module: Any) -> bool:
    """Whether rows of different lengths may stand in one batch, padded on the left.

    Some recurrent models (RWKV, RecurrentGemma, xLSTM) read padding as text, whatever the mask says: their rows must be
    of one length.

    Args:
        module: a transformers causal model, or a PEFT wrapper of one, in evaluation mode.
    """
    if module not in _known:
        _known[module] = _tried(module)
    return _known[module]


def _tried(module: Any) -> bool:
    vocabulary = int(module.config.get_text_config().vocab_size)
    row = [(5 + 7 * place) % vocabulary for place in range(ROW)]
    paddings = [[token % vocabulary] * PADDING for token in (3, 11)]
    alone = _last_logits(module, [], row)
    one, other = (_last_logits(module, padding, row) for padding in paddings)
    precision = bare(module).dtype
    leak = LEAK.get(precision, LOW_PRECISION_LEAK)
    return bool((one - other).abs().max() <= leak and (one - alone).abs().max() <= rounding_gap(module))


def _last_logits(module: Any, padding: list[int], row: list[int]) -> torch.Tensor:
    """Logits after a row behind so many masked tokens, (vocabulary,)."""
    ids = torch.tensor([padding + row], device=module.device)
    mask = torch.ones_like(ids)
    mask[:, : len(padding)] = 0
    places = {"position_ids": (mask.cumsum(-1) - 1).clamp(min=0)} if takes_positions(module) else {}
    with torch.inference_mode():
        logits: torch.Tensor = module(input_ids=ids, attention_mask=mask, use_cache=False, **places).logits[0, -1]
    return logits.float()


def takes_positions(module: Any) -> bool:
    """Whether a model can be told the place of each token."""
    kind: Any = type(bare(module))
    return "position_ids" in arguments(kind)
