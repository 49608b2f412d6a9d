"""How long a training took, whatever interrupted it: checkpoints remember it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from retain.errors import UserError
from retain.record_files import read_json, write_sealed

FILE = "elapsed.json"
"""Beside a checkpoint's own files."""


class Elapsed(TrainerCallback):
    """Counts the time up to each checkpoint, and goes on from the one that training goes on from.

    What was done after the last checkpoint of an interrupted go is done again, and counts once.

    Args:
        begun: when this go began, by ``time.monotonic``.
        checkpoint: what it goes on from; None for a training from the start.
    """

    def __init__(self, begun: float, checkpoint: str | None) -> None:
        self._begun = begun
        self._before = _seconds(Path(checkpoint) / FILE) if checkpoint is not None else 0.0

    @property
    def seconds(self) -> float:
        """Since the training began, without the time between goes."""
        return self._before + time.monotonic() - self._begun

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Write the time so far into the checkpoint that was just made."""
        folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        if state.is_world_process_zero and folder.is_dir():
            write_sealed(folder / FILE, {"seconds": self.seconds})


def _seconds(path: Path) -> float:
    """What a checkpoint remembers; nothing where the go was killed before it was written."""
    try:
        return max(0.0, float(read_json(path)["seconds"]))
    except (UserError, KeyError, TypeError, ValueError):
        return 0.0
