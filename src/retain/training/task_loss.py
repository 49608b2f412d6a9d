"""The task's own part of a training's loss: cross-entropy of its rows, without penalties, weights, other rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from retain.data.encoding import IGNORED
from retain.mitigations.known_rows import RowIndex

SAME = ("nll", "chunked_nll")
"""TRL's names of the plain cross-entropy."""
Share = tuple[Any, Any]
"""A sum of losses, and how much it is a sum of: tokens, or a share of an update."""


def is_cross_entropy(trainer: Any) -> bool:
    """Whether a trainer's own loss is the mean cross-entropy of labelled tokens (and of routers, where it trains any).

    Args:
        trainer: made by ``with_penalties``.
    """
    settings = getattr(trainer.args, "loss_type", "nll") in SAME and trainer.label_smoother is None
    return bool(trainer.has_plain_loss and settings and trainer.compute_loss_func is None)


def of_task_rows(losses: torch.Tensor, batch: Mapping[str, torch.Tensor], rows: RowIndex | None) -> Share:
    """The sum of the losses of the task's tokens, and how many these are.

    Args:
        losses: (positions,) of all labelled tokens of a batch, row by row.
        batch: its ``input_ids``, ``labels`` and ``attention_mask``, (rows, length).
        rows: the task's; None where all rows are.
    """
    if rows is None:
        return losses.sum(), losses.numel()
    tokens = (batch["labels"][:, 1:] != IGNORED).sum(1)
    known = torch.tensor([place is not None for place in rows.known(batch)], device=tokens.device)
    own = losses[known.repeat_interleave(tokens)]
    return own.sum(), own.numel()


def mean_of(shares: list[Share]) -> float | None:
    """The mean over passes; None where none holds anything of the task."""
    total = sum(float(size) for _, size in shares)
    return sum(float(loss) for loss, _ in shares) / total if total else None
