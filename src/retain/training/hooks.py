"""What mitigations add to a training, gathered for a trainer that ``with_penalties`` made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from retain.mitigations.base import Mitigation, Penalty, Setup, Weights
from retain.mitigations.distributions import encoded_rows
from retain.models.transformers_model import TransformersModel
from retain.training.stream import GeneralStream, rate_for


def penalties(mitigations: Sequence[Mitigation], model: TransformersModel, setup: Setup) -> dict[str, Penalty]:
    """Kind -> its term of the loss, for those that add one. The model must still be the base."""
    named = {str(getattr(m, "kind", "")): m.penalty(model, setup) for m in mitigations}
    return {name: penalty for name, penalty in named.items() if penalty is not None}


def add_penalties(
    trainer: Any,
    mitigations: Sequence[Mitigation],
    model: TransformersModel,
    setup: Setup,
    passes: int,
    updates: int,
) -> None:
    """Give a trainer its penalties and the general rows that they look at.

    The rows come first: a penalty asks the base about those alone that will be drawn. The model must still be the base.

    Args:
        trainer: made by ``with_penalties``.
        mitigations: those of the training.
        model: what is trained.
        setup: what they may look at.
        passes: forward passes that an epoch takes, on all processes together.
        updates: of the whole training.
    """
    trainer.streams = streams(mitigations, setup, passes)
    arguments = trainer.args
    most = updates * arguments.gradient_accumulation_steps * trainer.accelerator.num_processes
    if not arguments.auto_find_batch_size:  # smaller batches take more passes
        setup = replace(setup, drawn={name: one.drawn(most) for name, one in trainer.streams.items()})
    trainer.penalties = penalties(mitigations, model, setup)


def token_weights(mitigations: Sequence[Mitigation], model: TransformersModel, setup: Setup) -> list[Weights]:
    """Weights of the task's labelled tokens, of those that give some."""
    return [weigh for one in mitigations if (weigh := one.weigh_tokens(model, setup)) is not None]


def callbacks(mitigations: Sequence[Mitigation], model: TransformersModel, setup: Setup) -> list[Any]:
    """What watches training: of the mitigations that do, and the run's own."""
    found = [callback for one in mitigations if (callback := one.callback(model, setup)) is not None]
    return [*found, *setup.watching]


def streams(mitigations: Sequence[Mitigation], setup: Setup, passes: int) -> dict[str, GeneralStream]:
    """One stream for each general set that a penalty wants, with the largest share that is asked of it.

    Args:
        mitigations: those of the training.
        setup: what they may look at.
        passes: forward passes that an epoch takes, on all processes together.
    """
    shares: dict[str, float] = {}
    for wanted in filter(None, (mitigation.general_share(setup) for mitigation in mitigations)):
        shares[wanted[0]] = max(shares.get(wanted[0], 0.0), wanted[1])
    found = {}
    for name, share in shares.items():
        rows = encoded_rows(setup, name)
        found[name] = GeneralStream(rows, rate_for(share, setup.task_tokens, passes, rows), setup.seed)
    return found
