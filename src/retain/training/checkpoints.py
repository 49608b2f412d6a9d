"""How many updates a run has, and which checkpoint it can go on from."""

from __future__ import annotations

import json
import math
from pathlib import Path

from retain.training.settings import TrainingSettings


def total_steps(rows: int, settings: TrainingSettings) -> int:
    """Optimizer updates of a run on one process."""
    passes = math.ceil(rows / settings.batch_size)
    return max(1, math.ceil(math.ceil(passes / settings.gradient_accumulation) * settings.epochs))


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
