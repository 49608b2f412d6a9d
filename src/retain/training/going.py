"""What every trainer's course has in common: made or refused, planned, gone through from the last checkpoint, told."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from transformers import TrainerCallback

from retain import processes
from retain.errors import BrokenError, UserError
from retain.folder import disk_errors
from retain.mitigations.base import Setup
from retain.models.transformers_model import TransformersModel
from retain.models.whole import WholeCopy
from retain.training.checkpoints import Seal, epoch_steps, intervals, last_checkpoint, total_steps
from retain.training.elapsed import Elapsed
from retain.training.settings import TrainingSettings
from retain.training.watch import broken, log_entry

CHECKPOINTS = "checkpoints"
"""Name of the folder that training saves its state in, within ``Setup.folder``."""


@contextmanager
def making(model: TransformersModel) -> Iterator[None]:
    """Around the making of a trainer: a refusal is told as one, and trained weights stay what they were.

    TRL rounds the adapter of a 4-bit model to bf16.

    Raises:
        UserError: the trainer refuses its settings.
    """
    exact = [(one, one.data) for one in model.module.parameters() if one.requires_grad]
    try:
        yield
    except (ValueError, TypeError, ImportError, RuntimeError) as error:
        raise UserError(f"training: the trainer refuses these settings: {error}") from error
    for parameter, values in exact:
        if parameter.dtype != values.dtype:
            parameter.data = values.to(parameter.device)


@dataclass(frozen=True)
class Plan:
    """How much a training does.

    Attributes:
        passes: forward passes of an epoch, on each process.
        processes: how many there are.
        steps: updates of the whole training.
        epoch: updates of an epoch.
    """

    passes: int
    processes: int
    steps: int
    epoch: int


def planned(trainer: Any, rows: int, settings: TrainingSettings) -> Plan:
    """The plan of a trainer, which logs and saves by it from now on.

    Args:
        trainer: a transformers Trainer.
        rows: that it draws its batches from; packing makes fewer of them.
        settings: the recipe's.

    Raises:
        UserError: processes were started in a way that is not known here.
    """
    arguments, count = trainer.args, trainer.accelerator.num_processes
    if count != processes.size():
        raise UserError(
            f"training: accelerate found {count} processes, and {processes.size()} work together; start `retain run` "
            "with torchrun or accelerate launch (mpirun and the like are not known)"
        )
    trainer.deals_rows = processes.size() > 1
    passes = math.ceil(rows / (arguments.train_batch_size * count))
    steps = arguments.max_steps if arguments.max_steps > 0 else total_steps(passes, settings)
    epoch = epoch_steps(passes, settings)
    arguments.logging_steps, arguments.save_steps = intervals(steps, settings.checkpoints, epoch)
    return Plan(passes, count, steps, epoch)


def go(
    trainer: Any, model: TransformersModel, setup: Setup, begun: float, watching: Sequence[TrainerCallback] = ()
) -> float:
    """Train, going on from the last whole checkpoint, and return the seconds that all goes took together.

    Args:
        trainer: a transformers Trainer.
        model: what it trains.
        setup: whose folder holds the checkpoints.
        begun: when this go began, by ``time.monotonic``.
        watching: callbacks that see whether another one ends the training: the last of all.

    Raises:
        BrokenError: the loss or a gradient became NaN; the weights of the last good step are saved first.
        UserError: the disk is full.
    """
    folder = setup.folder / CHECKPOINTS
    if trainer.is_fsdp_enabled:
        model.whole = WholeCopy(model.module)
    start = processes.from_first(lambda: last_checkpoint(folder))
    elapsed = Elapsed(begun, start)
    for callback in (elapsed, *watching, Seal()):
        trainer.add_callback(callback)
    try:
        with disk_errors(folder):
            trainer.train(resume_from_checkpoint=start)
    except BrokenError as error:
        raise BrokenError(broken(error, model, setup.folder)) from None
    if model.whole is not None:  # what comes after training takes the weights for whole
        model.module, model.whole = model.whole.fill(), None
    return elapsed.seconds


def told(trainer: Any, model: TransformersModel, plan: Plan, rehearsed: int = 0) -> dict[str, Any]:
    """What a record says of any training, by the names of ``Training``'s fields.

    Args:
        trainer: after training.
        model: what it trained.
        plan: what it planned.
        rehearsed: tokens of general text among an epoch's rows.
    """
    epochs = trainer.state.epoch
    used = round(plan.passes * plan.processes * epochs)
    streamed = sum(one.tokens(used) for one in trainer.streams.values())
    return {
        "steps": trainer.state.global_step,
        "general_tokens": round(rehearsed * epochs) + streamed,
        "trained_parameters": sum(p.numel() for p in model.module.parameters() if p.requires_grad),
        "history": [log_entry(entry) for entry in trainer.state.log_history if "loss" in entry],
    }
