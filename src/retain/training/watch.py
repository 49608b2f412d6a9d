"""Callbacks that every training run has: progress, and a halt before a broken update."""

from __future__ import annotations

from typing import Any

import torch
from transformers import TrainerCallback

from retain.errors import BrokenError
from retain.progress import Progress


class ShowProgress(TrainerCallback):  # type: ignore[misc]
    """Shows each finished update."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Report the step."""
        self.progress.update("training", state.global_step, state.max_steps)


class HaltBeforeBrokenUpdate(TrainerCallback):  # type: ignore[misc]
    """Stops before an update whose gradient is not finite, so that the weights stay those of the last good step."""

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
        """Look at the gradients, already clipped.

        Raises:
            BrokenError: one of them is NaN or infinite.
        """
        norms = [p.grad.detach().float().norm() for p in model.parameters() if p.grad is not None]
        if norms and not torch.isfinite(torch.stack([norm.to(norms[0].device) for norm in norms])).all():
            raise BrokenError(f"The gradient became NaN or infinite in step {state.global_step + 1}.")
