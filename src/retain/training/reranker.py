"""Training of rerankers with sentence-transformers: from the recipe's words to its trainer, and the training itself."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from retain.errors import from_extra
from retain.mitigations.base import Mitigation
from retain.mitigations.general_groups import RankingSetup, general_groups
from retain.models.reranker import TransformersReranker
from retain.progress import Progress
from retain.ranking.groups import Group
from retain.ranking.teacher import load_teacher
from retain.records import Training
from retain.training import hooks
from retain.training.arguments import Asked, Shaped, each, shared_arguments
from retain.training.cross_encoder_trainer import encoder_of, trainer_class
from retain.training.going import CHECKPOINTS, go, making, planned, told
from retain.training.precision import prepare_precision
from retain.training.ranking_rows import loss_of, pairs_per_row, rows_of
from retain.training.ranking_settings import ROWS
from retain.training.settings import TrainingSettings
from retain.training.stream import GroupStream
from retain.training.trainer import with_penalties
from retain.training.watch import ShowProgress, drop_printers
from retain.training.without_dropout import without_dropout

WIDEST = 32
"""Candidates of a general query, at most, whose tokens are counted."""


def train_ranking(
    model: TransformersReranker,
    groups: Sequence[Group],
    task_groups: Sequence[Group],
    settings: TrainingSettings,
    mitigations: Sequence[Mitigation],
    setup: RankingSetup,
    progress: Progress,
) -> Training:
    """Train a reranker in place; goes on from the last whole checkpoint in ``setup.folder / "checkpoints"``.

    Args:
        model: already wrapped by the mitigations; still the base.
        groups: what is trained on, rehearsed queries included.
        task_groups: the task's groups alone, for the token counts.
        settings: the recipe's.
        mitigations: whose penalties and callbacks take part.
        setup: what mitigations may look at.
        progress: where steps are shown.

    Raises:
        BrokenError: the loss or a gradient became NaN; the weights of the last good step are saved first.
        UserError: ``training.extra``, ``training.optimizer`` or the teacher is nothing that can be used.
    """
    begun = time.monotonic()
    wanted = settings.groups
    arguments = ranking_config(settings, model, setup.folder / CHECKPOINTS, setup.seed)
    prepare_precision(model)  # before the mitigations ask the base, so that it answers as it would in training
    if settings.gradient_checkpointing:
        model.module.gradient_checkpointing_enable()
        model.module.enable_input_require_grads()
    penalties = hooks.penalties(mitigations, model, setup)
    callbacks = hooks.callbacks(mitigations, model, setup)
    rows = rows_of(wanted, groups, _taught(settings, groups, setup.max_tokens))
    encoder = encoder_of(model, setup.max_tokens)
    encoder.train()
    with making(model):
        trainer = with_penalties(trainer_class(model), penalties)(
            model=encoder,
            args=arguments,
            train_dataset=rows,
            loss=loss_of(wanted, encoder),
            processing_class=model.tokenizer,
            callbacks=[*callbacks, ShowProgress(progress, penalties, callbacks)],
        )
    drop_printers(trainer)
    plan = planned(trainer, len(rows), settings)
    task_tokens = _tokens(model, task_groups, setup.max_tokens)
    trainer.streams = group_streams(mitigations, model, setup, task_tokens, plan.passes * plan.processes)
    with nullcontext() if wanted.dropout else without_dropout(model.module):
        seconds = go(trainer, model, setup, begun)
    rehearsed = _tokens(model, groups, setup.max_tokens) - task_tokens
    return Training(
        method=settings.method,
        examples=len(groups),
        task_tokens=round(task_tokens * trainer.state.epoch),
        seconds=seconds,
        **told(trainer, model, plan, rehearsed),
    )


def ranking_config(settings: TrainingSettings, model: TransformersReranker, checkpoints: Path, seed: int) -> Any:
    """The recipe's settings as sentence-transformers' arguments; how often it logs and saves is set later.

    Raises:
        UserError: a key of ``training.extra`` is unknown to sentence-transformers or one of Retain's own.
    """
    arguments = ranking_asked(settings, model, checkpoints, seed).arguments(settings.extra)
    arguments.dataloader_drop_last = settings.extra.get("dataloader_drop_last", False)  # on several processes it is set
    return arguments


def ranking_asked(settings: TrainingSettings, model: Shaped, checkpoints: Path, seed: int) -> Asked:
    """What is asked of sentence-transformers.

    Raises:
        MissingExtraError: it is not installed.
    """
    kind = from_extra("sentence_transformers.cross_encoder", "rerank").CrossEncoderTrainingArguments
    rows = settings.batch_size * settings.groups.group_size // pairs_per_row(settings.groups)
    own = {**shared_arguments(settings, model, checkpoints, seed), "per_device_train_batch_size": each(rows)}
    return Asked(kind, "sentence-transformers", own, taken=["gradient_checkpointing"])


def group_streams(
    mitigations: Sequence[Mitigation], model: TransformersReranker, setup: RankingSetup, task_tokens: int, passes: int
) -> dict[str, GroupStream]:
    """One stream for each general set that a penalty wants, with the largest share that is asked of it.

    Args:
        mitigations: those of the training.
        model: whose tokens are counted.
        setup: what they may look at.
        task_tokens: of an epoch.
        passes: forward passes that an epoch takes, on all processes together.
    """
    wanted: dict[str, tuple[float, int]] = {}
    for one in mitigations:
        asked = one.general_share(setup)
        if asked is not None:
            share, widest = wanted.get(asked[0], (0.0, 0))
            wanted[asked[0]] = max(share, asked[1]), max(widest, getattr(one, "candidates", WIDEST))
    found = {}
    for name, (share, widest) in wanted.items():
        sizes = [_tokens(model, [group], setup.max_tokens) for group in general_groups(setup, name, widest)]
        rate = share * task_tokens / passes / (sum(sizes) / len(sizes))
        found[name] = GroupStream(sizes, rate, setup.seed)
    return found


def _tokens(model: TransformersReranker, groups: Sequence[Group], max_tokens: int) -> int:
    return sum(model.tokens([pair for group in groups for pair in group.pairs], max_tokens))


def _taught(settings: TrainingSettings, groups: Sequence[Group], max_tokens: int) -> list[list[float]]:
    """The teacher's scores of every group's documents; nothing where the loss needs none."""
    if settings.groups.teacher is None:
        return []
    if settings.groups.teacher == ROWS:
        return [list(group.teacher_scores) for group in groups]
    teacher = load_teacher(settings.groups.teacher)
    found = iter(teacher.score_pairs([pair for group in groups for pair in group.pairs], max_tokens))
    return [[next(found) for _ in group.documents] for group in groups]
