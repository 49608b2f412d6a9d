"""A run's results as plain numbers with names, for trackers."""

from __future__ import annotations

from retain.records import EXIT_CODES, Change, RunRecord
from retain.reporting.numbers import finite


def tracked(record: RunRecord) -> dict[str, float]:
    """Name -> value: the verdict, gains, losses and the mean loss with their 95% intervals, choices and the KL meter.

    Gains and losses are in points of 100 (bits per byte: percent of the base's); a loss is positive where something was
    lost. ``retain/verdict`` is the exit code: 0 retained, 1 forgot or not learned, 3 inconclusive. What is not finite
    is left out, since not every tracker takes it.
    """
    comparison = record.comparison
    found = {"retain/verdict": float(EXIT_CODES[record.verdict.outcome])}
    for change in comparison.gains:
        found |= _numbers(f"retain/gain/{change.probe}", change, 1)
    for change in comparison.losses:
        found |= _numbers(f"retain/loss/{change.probe}", change, -1)
    if comparison.pooled is not None:
        found |= _numbers("retain/mean_loss", comparison.pooled, -1)
    found |= {f"retain/{choice.what.replace(' ', '_')}": choice.chosen for choice in record.choices}
    found |= {f"retain/kl/{reading.where}/{reading.name}": reading.mean for reading in record.kl}
    return {name: float(value) for name, value in found.items() if finite(value)}


def _numbers(name: str, change: Change, sign: int) -> dict[str, float]:
    """A change and its interval; as a loss with the ends exchanged.

    No name lies below another one: a tracker that keeps each number in a file (MLflow) could not hold both.
    """
    low, high = sorted((sign * change.low, sign * change.high))
    return {name: sign * change.delta, f"{name}_low": low, f"{name}_high": high}
