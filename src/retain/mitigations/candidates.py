"""What a choice on dev items knows of each setting that it tried."""

from __future__ import annotations

from retain.comparison.compare import compare
from retain.comparison.dev import passing, standard_error
from retain.mitigations.base import Setup
from retain.models.transformers_model import TransformersModel
from retain.records import Candidate, Measurement


def candidate_on_dev(model: TransformersModel, setup: Setup, label: str, value: float) -> Candidate:
    """What :func:`measured_on_dev` knows, without the measurements."""
    return measured_on_dev(model, setup, label, value)[0]


def measured_on_dev(
    model: TransformersModel, setup: Setup, label: str, value: float
) -> tuple[Candidate, list[Measurement]]:
    """Measure a model on dev items and compare it with the base: gain, losses, and whether it passes.

    Args:
        model: as it would be saved.
        setup: what mitigations may look at.
        label: what a person calls the setting.
        value: the setting as a number.
    """
    after = setup.measure_dev(model)
    changes = compare(setup.base_dev(), after, setup.task_probes, "base", label)
    passes, why = passing(changes, setup.gate)
    losses = [change for change in changes.losses if not change.near_chance]
    pooled = [change for change in losses if change.unit == "points"]
    worst = min(pooled or losses, key=lambda change: change.delta, default=None)
    candidate = Candidate(
        label=label,
        value=value,
        gain=changes.gains[0].delta if changes.gains else None,
        mean_loss=-changes.pooled.delta if changes.pooled else None,
        worst=worst.capability if worst else "",
        worst_loss=-worst.delta if worst else None,
        worst_unit="percent" if losses and not pooled else "points",
        passing=passes,
        why=why,
        gain_error=standard_error(changes.gains[0]) if changes.gains else None,
        loss_error=standard_error(changes.pooled) if changes.pooled else None,
    )
    return candidate, after
