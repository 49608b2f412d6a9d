"""Logits at the labelled positions only, for any causal model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

IGNORED = -100


def labelled_logits(module: Any, batch: Mapping[str, Any]) -> torch.Tensor:
    """Logits in fp32 at the positions whose next token is labelled, (positions, vocabulary), with gradient.

    A vocabulary is large and few positions of a row are trained, so only those go through the output head: a hook
    picks them from the head's input. What a model does to its logits afterwards (scaling, soft capping) acts on each
    of them alone and stays the model's own. A model whose logits do not come from its head as they are gets the plain
    pass.

    Args:
        module: a transformers causal model, or a wrapper of one.
        batch: ``input_ids``, ``attention_mask`` and ``labels`` (-100 where nothing is trained), (rows, length).
    """
    wanted = torch.zeros_like(batch["labels"], dtype=torch.bool)
    wanted[:, :-1] = batch["labels"][:, 1:] != IGNORED
    picked: list[bool] = []

    def pick(head: Any, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        hidden = inputs[0]
        if not picked and hidden.dim() == 3 and hidden.shape[:2] == wanted.shape:
            picked.append(True)
            return (hidden[wanted][None], *inputs[1:])
        return inputs

    head = _inner(module).get_output_embeddings()
    hook = head.register_forward_pre_hook(pick) if head is not None else None
    try:
        inputs = {key: batch[key] for key in ("input_ids", "attention_mask", "position_ids") if key in batch}
        logits: torch.Tensor = module(**inputs, use_cache=False).logits
    finally:
        if hook is not None:
            hook.remove()
    return (logits[0] if picked else logits[wanted]).float()


def _inner(module: Any) -> Any:
    """The transformers model inside wrappers that do not pass attributes on."""
    while not hasattr(module, "get_output_embeddings") and hasattr(module, "module"):
        module = module.module
    return module
