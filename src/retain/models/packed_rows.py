"""Whether rows that stand in one line are kept apart by the places of their tokens, as packing needs it."""

from __future__ import annotations

from typing import Any

import torch

from retain.scoring.forward import bare
from retain.scoring.left_padding import LEAK, LOW_PRECISION_LEAK, takes_positions

ROW = 8
"""Tokens of the rows that are tried."""


def keeps_rows_apart(module: Any) -> bool:
    """Whether the second of two rows in one line is answered alike whatever the first one says.

    transformers keeps rows apart whose positions begin anew, in attention that it masks itself. A recurrent state goes
    on from row to row, and so does attention in models that count positions by a mask (OPT, BLOOM, MPT).

    Args:
        module: a transformers causal model, or a PEFT wrapper of one; tried in evaluation mode.
    """
    vocabulary = int(module.config.get_text_config().vocab_size)
    training = module.training
    module.eval()
    try:
        one, other = (_second_row(module, token % vocabulary, vocabulary) for token in (3, 11))
    finally:
        module.train(training)
    return bool((one - other).abs().max() <= LEAK.get(bare(module).dtype, LOW_PRECISION_LEAK))


def _second_row(module: Any, token: int, vocabulary: int) -> torch.Tensor:
    """Logits of a row that stands behind one made of a token, (tokens, vocabulary)."""
    row = [(5 + 7 * place) % vocabulary for place in range(ROW)]
    ids = torch.tensor([[token] * ROW + row], device=module.device)
    positions = torch.arange(ROW, device=module.device).repeat(2)[None]
    places = {"position_ids": positions} if takes_positions(module) else {}
    with torch.no_grad():
        logits: torch.Tensor = module(input_ids=ids, use_cache=False, **places).logits[0, ROW:]
    return logits.float()
