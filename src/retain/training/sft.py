"""Supervised fine-tuning with TRL: from the recipe's words to SFTConfig, and the training itself."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from retain.data.encoding import Encoded
from retain.errors import UserError
from retain.mitigations.base import Mitigation, Setup
from retain.mitigations.known_rows import RowIndex
from retain.models.causal import TransformersCausal
from retain.models.packed_rows import keeps_rows_apart
from retain.progress import Progress
from retain.records import Training
from retain.scoring.forward import bare
from retain.training import hooks
from retain.training.arguments import Asked, Shaped, shared_arguments
from retain.training.going import CHECKPOINTS, go, making, planned, told
from retain.training.held_out import reading_steps, rows_to_read
from retain.training.packing import packed
from retain.training.precision import prepare_precision
from retain.training.settings import TrainingSettings
from retain.training.trainer import with_penalties
from retain.training.watch import ShowProgress, drop_printers
from retain.training.watch_loss import WatchLoss


def train_sft(
    model: TransformersCausal,
    rows: Sequence[Encoded],
    task_rows: Sequence[Encoded],
    settings: TrainingSettings,
    mitigations: Sequence[Mitigation],
    setup: Setup,
    progress: Progress,
    held_out: Sequence[Encoded] = (),
) -> Training:
    """Train a model in place; goes on from the last whole checkpoint in ``setup.folder / "checkpoints"``.

    Args:
        model: already wrapped by the mitigations; still the base.
        rows: what is trained on, rehearsed text included.
        task_rows: the task's rows alone, for the token counts.
        settings: the recipe's.
        mitigations: whose penalties and callbacks take part.
        setup: what mitigations may look at.
        progress: where steps are shown.
        held_out: dev rows of the task in an order of chance, of which some are read for the overfitting alarms.

    Raises:
        BrokenError: the loss or a gradient became NaN; the weights of the last good step are saved first.
        UserError: ``training.extra`` or ``training.optimizer`` holds something TRL does not know.
    """
    from datasets import Dataset
    from trl import SFTTrainer

    begun = time.monotonic()
    arguments = sft_config(settings, model, setup.folder / CHECKPOINTS, setup.seed)
    prepare_precision(model)  # before the mitigations ask the base, so that it answers as it would in training
    weights = hooks.token_weights(mitigations, model, setup)
    _check_packing(settings, model, bool(weights))
    callbacks = hooks.callbacks(mitigations, model, setup)
    with making(model):
        trainer = with_penalties(SFTTrainer, {}, weights=weights)(
            model=model.module,
            args=arguments,
            train_dataset=Dataset.from_list([{"input_ids": row.input_ids, "labels": row.labels} for row in rows]),
            processing_class=_with_pad(model.tokenizer),
            callbacks=callbacks,
        )
    drop_printers(trainer)
    plan = planned(trainer, len(trainer.train_dataset), settings)
    hooks.add_penalties(trainer, mitigations, model, setup, plan.passes * plan.processes, plan.steps)
    trainer.task_rows = RowIndex(task_rows) if len(rows) > len(task_rows) else None
    together = arguments.train_batch_size * plan.processes * settings.gradient_accumulation
    seen = together * plan.steps * len(rows) / len(trainer.train_dataset)  # packed, a sequence has several rows
    line = packed(rows, len(trainer.train_dataset), model.within(settings.max_length), together)
    read = rows_to_read(held_out, seen, settings.watch)
    times = reading_steps(plan.steps, plan.epoch, settings.watch)
    known = random.Random(setup.seed).sample(task_rows, min(len(read), len(task_rows)))
    watch = WatchLoss(read, times, partial(_say, progress), trainer.loss_is_the_tasks, known, model)
    shown = ShowProgress(progress, trainer.penalties, [watch, *callbacks])
    seconds = go(trainer, model, setup, begun, [shown, watch])
    task_tokens = sum(len(row.input_ids) for row in task_rows)
    rehearsed = sum(len(row.input_ids) for row in rows) - task_tokens
    return Training(
        method=settings.method,
        examples=len(rows),
        batch_tokens=line.batch_tokens if settings.packed else None,
        notes=[line.note] if settings.method == "pretrain" else [],
        task_tokens=round(task_tokens * trainer.state.epoch),
        seconds=seconds,
        alarms=watch.alarms,
        held_out=watch.readings,
        rows_at_start=watch.rows_at_start,
        watch_seconds=watch.seconds,
        **told(trainer, model, plan, rehearsed),
    )


def sft_config(settings: TrainingSettings, model: TransformersCausal, checkpoints: Path, seed: int) -> Any:
    """The recipe's settings as TRL's configuration; how often it logs and saves is set when the steps are known.

    Raises:
        UserError: a key of ``training.extra`` is unknown to TRL or one of Retain's own.
    """
    return sft_asked(settings, model, checkpoints, seed).arguments(settings.extra)


def sft_asked(settings: TrainingSettings, model: Shaped, checkpoints: Path, seed: int) -> Asked:
    """What is asked of TRL."""
    from trl import SFTConfig

    # TRL refuses a length for rows that it neither packs nor pads. Ours are cut to it before.
    lines = settings.extra.get("padding_free", False) and not settings.packed
    own = {
        **shared_arguments(settings, model, checkpoints, seed),
        "max_length": None if lines else model.within(settings.max_length),
        "packing": settings.packed,
        "gradient_checkpointing": settings.gradient_checkpointing,
        "eos_token": None,
    }
    return Asked(SFTConfig, "TRL", own)


def _check_packing(settings: TrainingSettings, model: TransformersCausal, weighted: bool) -> None:
    """Refuse rows in one line where each must be told from the others, and cannot.

    Raises:
        UserError: tokens are weighted row by row, or the model would read on from one row into the next.
    """
    if weighted and settings.packing and settings.method != "pretrain":
        raise UserError("training.packing: rows cannot be packed where tokens are weighted; set it to false")
    if (settings.packed or settings.extra.get("padding_free")) and not keeps_rows_apart(model.module):
        off = "set packing (and extra.padding_free) to false"
        raise UserError(
            f"training.packing: {type(bare(model.module)).__name__} would read each packed row as going on from "
            f"the one before it; {'train with method: sft' if settings.method == 'pretrain' else off}"
        )


def _with_pad(tokenizer: Any) -> Any:
    """The tokenizer with a pad token; labels are ours, so that pad = eos masks nothing."""
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def _say(progress: Progress, line: str) -> None:
    progress.say(f"  {line}")
