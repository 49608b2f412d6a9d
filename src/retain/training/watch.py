"""Shows training's progress."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from transformers import TrainerCallback

from retain.progress import Progress


class ShowProgress(TrainerCallback):  # type: ignore[misc]
    """Shows each finished update.

    Args:
        progress: where it is shown.
        note: what is said beside it.
    """

    def __init__(self, progress: Progress, note: Callable[[], str] = str) -> None:
        self.progress = progress
        self.note = note

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Report the step."""
        self.progress.update("training", state.global_step, state.max_steps, self.note())
