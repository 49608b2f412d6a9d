"""How many updates a run has, and which checkpoint it can go on from."""

from __future__ import annotations

import json
import math
from pathlib import Path

from retain.training.settings import TrainingSettings

LOG_ENTRIES = 50
"""About as many entries a run's history has, or more where it has several epochs."""
EPOCH_ENTRIES = 20
"""An epoch has at least about as many: alarms compare what lies before and after its start."""


def epoch_steps(passes: int, settings: TrainingSettings) -> int:
    """Optimizer updates of an epoch of ``passes`` forward passes on each process."""
    return max(1, math.ceil(passes / settings.gradient_accumulation))


def total_steps(passes: int, settings: TrainingSettings) -> int:
    """Optimizer updates of a run of ``passes`` forward passes an epoch and process."""
    return max(1, math.ceil(epoch_steps(passes, settings) * settings.epochs))


def intervals(steps: int, checkpoints: int, epoch: int) -> tuple[int, int]:
    """Updates between two log entries, and between two checkpoints.

    A checkpoint falls on a log entry, because what was summed up since the last entry is not part of it.

    Args:
        steps: updates of the whole training.
        checkpoints: how many are wanted.
        epoch: updates of an epoch.
    """
    log = max(1, min(steps // LOG_ENTRIES, epoch // EPOCH_ENTRIES))
    return log, log * max(1, steps // (checkpoints + 1) // log)


def last_checkpoint(folder: Path) -> str | None:
    """The newest checkpoint that was written to its end: trainer_state.json is the last file of one."""
    whole = []
    for path in folder.glob("checkpoint-*"):
        try:
            state = json.loads((path / "trainer_state.json").read_text("utf-8"))
        except (OSError, ValueError):
            continue
        whole.append((int(state["global_step"]), str(path)))
    return max(whole)[1] if whole else None
