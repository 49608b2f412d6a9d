"""Shows training's progress."""

from __future__ import annotations

from typing import Any

from transformers import TrainerCallback

from retain.progress import Progress


class ShowProgress(TrainerCallback):  # type: ignore[misc]
    """Shows each finished update."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Report the step."""
        self.progress.update("training", state.global_step, state.max_steps)
