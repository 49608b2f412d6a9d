"""Training on preference pairs with TRL: from the recipe's words to DPOConfig, and the training itself."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from retain.mitigations.base import Mitigation
from retain.mitigations.preference_pairs import PreferenceSetup
from retain.models.causal import TransformersCausal
from retain.progress import Progress
from retain.records import Training
from retain.training import hooks
from retain.training.arguments import Asked, Shaped, shared_arguments
from retain.training.going import CHECKPOINTS, go, making, planned, told
from retain.training.precision import prepare_precision
from retain.training.preference_rows import Pair, base_logprobs
from retain.training.preference_trainer import NoReference, preference_trainer
from retain.training.settings import TrainingSettings
from retain.training.watch import ShowProgress, drop_printers

REFERENCE = (
    "precompute_ref_batch_size",
    "sync_ref_model",
    "ref_model_mixup_alpha",
    "ref_model_sync_steps",
    "model_init_kwargs",
)
"""Keys of TRL's about a reference model, which there is none of."""
UNREAD = ("truncation_mode", "dataset_num_proc", "padding_free", "pad_token", "packing")
"""Keys about what is done here before TRL sees the rows."""


def train_preferences(
    model: TransformersCausal,
    pairs: Sequence[Pair],
    settings: TrainingSettings,
    mitigations: Sequence[Mitigation],
    setup: PreferenceSetup,
    progress: Progress,
) -> Training:
    """Train a model in place; goes on from the last whole checkpoint in ``setup.folder / "checkpoints"``.

    The reference of the loss is the base: its log-probabilities are asked before the first update and kept, of an
    adapter with the adapter off.

    Args:
        model: already wrapped by the mitigations; still the base.
        pairs: what is trained on.
        settings: the recipe's.
        mitigations: whose penalties and callbacks take part.
        setup: what mitigations may look at.
        progress: where steps are shown.

    Raises:
        BrokenError: the loss or a gradient became NaN; the weights of the last good step are saved first.
        UserError: ``training.extra`` or ``training.optimizer`` holds something TRL does not know.
    """
    begun = time.monotonic()
    arguments = preference_config(settings, model, setup.folder / CHECKPOINTS, setup.seed)
    prepare_precision(model)  # before the base is asked, so that it answers as it would in training
    callbacks = hooks.callbacks(mitigations, model, setup)
    known = base_logprobs(model, setup, pairs, settings.pairs.tail_weight)
    usual = arguments.train_batch_size * sum(len(pair.chosen) for pair in pairs) / len(pairs)
    kind = preference_trainer({}, usual)
    with making(model):
        trainer = kind(
            model=model.module,
            ref_model=NoReference(model.module.config),
            args=arguments,
            train_dataset=_dataset(pairs, known),
            processing_class=model.tokenizer,
            callbacks=callbacks,
        )
    trainer.ref_model = None
    drop_printers(trainer)
    plan = planned(trainer, len(pairs), settings)
    hooks.add_penalties(trainer, mitigations, model, setup, plan.passes * plan.processes, plan.steps)
    seconds = go(trainer, model, setup, begun, [ShowProgress(progress, trainer.penalties, callbacks)])
    return Training(
        method=settings.method,
        examples=len(pairs),
        task_tokens=round(sum(pair.tokens for pair in pairs) * trainer.state.epoch),
        seconds=seconds,
        **told(trainer, model, plan),
    )


def preference_config(settings: TrainingSettings, model: TransformersCausal, checkpoints: Path, seed: int) -> Any:
    """The recipe's settings as TRL's configuration; how often it logs and saves is set when the steps are known.

    Raises:
        UserError: a key of ``training.extra`` is unknown to TRL or one of Retain's own.
    """
    return preference_asked(settings, model, checkpoints, seed).arguments(settings.extra)


def preference_asked(settings: TrainingSettings, model: Shaped, checkpoints: Path, seed: int) -> Asked:
    """What is asked of TRL."""
    from trl import DPOConfig

    wanted = settings.pairs
    own = {
        **shared_arguments(settings, model, checkpoints, seed),
        "max_length": model.within(settings.max_length),
        "gradient_checkpointing": settings.gradient_checkpointing,
        "precompute_ref_log_probs": True,
        "loss_type": [wanted.loss, *(["sft"] if wanted.nll else [])],
        "loss_weights": [1.0, *([wanted.nll] if wanted.nll else [])],
        "beta": wanted.beta,
        "label_smoothing": wanted.smoothing,
        "ld_alpha": wanted.tail_weight if wanted.tail_weight < 1 else None,
        "disable_dropout": True,
    }
    return Asked(DPOConfig, "TRL", own, taken=(*REFERENCE, *UNREAD))


def _dataset(pairs: Sequence[Pair], known: Sequence[tuple[float, float]]) -> Any:
    """Pairs in the columns of TRL's collator."""
    from datasets import Dataset

    return Dataset.from_list(
        [
            {
                "prompt_ids": pair.prompt,
                "chosen_ids": pair.chosen,
                "rejected_ids": pair.rejected,
                "ref_chosen_logps": chosen,
                "ref_rejected_logps": rejected,
            }
            for pair, (chosen, rejected) in zip(pairs, known, strict=True)
        ]
    )
