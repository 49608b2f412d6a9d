"""How many updates a run has, and which checkpoint it can go on from."""

from __future__ import annotations

import logging
import math
import shutil
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from retain import processes
from retain.sums import problem_of, write_sums
from retain.training.settings import TrainingSettings

log = logging.getLogger(__name__)
KEPT_CHECKPOINTS = 2
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
    """The newest checkpoint that was written to its end and is what was written; others are passed over, and said."""
    for path in reversed(checkpoints(folder)):
        problem = problem_of(path)
        if not problem:
            return str(path)
        log.warning("%s is not gone on from (%s); an earlier one is, or training begins again", path, problem)
    return None


def checkpoints(folder: Path) -> list[Path]:
    """All checkpoints by their update: clocks jump."""
    found = [(int(path.name.rpartition("-")[2]), path) for path in folder.glob("checkpoint-*") if _is_numbered(path)]
    return [path for _, path in sorted(found)]


def _is_numbered(path: Path) -> bool:
    return path.is_dir() and path.name.rpartition("-")[2].isdecimal()


class Seal(TrainerCallback):
    """Writes down the hashes of a checkpoint's files when all of them are there, and then removes older checkpoints.

    The last two are kept: where the newest turns out to be damaged, training goes on from the one before. To be added
    after all callbacks that write into a checkpoint.
    """

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Seal the checkpoint that was just made."""
        processes.wait()  # each process writes files of its own
        folder = Path(args.output_dir)
        made = folder / f"checkpoint-{state.global_step}"
        if not state.is_world_process_zero or not made.is_dir():
            return
        write_sums(made)
        for old in [path for path in checkpoints(folder) if path != made][: -(KEPT_CHECKPOINTS - 1)]:
            shutil.rmtree(old, ignore_errors=True)
