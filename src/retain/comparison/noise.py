"""The noise floor: how far scores move when the same weights are measured twice under a null change."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from retain.comparison.comparable import ENDPOINT, UNLIMITED, matched
from retain.comparison.paired import Paired, weigh
from retain.comparison.pooled import shared_groups
from retain.errors import UserError
from retain.records import Change, Measurement, NoiseFloor


def noise_floor(
    first: Sequence[Measurement], second: Sequence[Measurement], null_change: str = "measured again"
) -> list[NoiseFloor]:
    """Each probe's noise floor from two measurements of one model.

    The floor is the mean absolute difference of an item's score (for scores of 0 and 1 the share of flipped
    items), with the interval that ``weigh`` gives to a loss of that size: exact for flips, clusters counted.
    It bounds what noise could do to the mean if all of it went one way; ``shift`` says what it did do. In
    points for shares, in percent of the first mean otherwise.

    Args:
        first: measurements of the model.
        second: the same probes, measured under the null change.
        null_change: what differed, in words.

    Raises:
        UserError: the weights differ (another fingerprint without another precision, which is part of it), or
            the two are not comparable for another reason than their precision.

    Relations: docs/decisions/noise-floor.md says why it is defined so; ``exceeds`` is the rule of a verdict.
    """
    for one in first:
        other = next((m for m in second if (m.probe, m.split) == (one.probe, one.split)), None)
        if other is not None and other.model != one.model and _precision(one) == _precision(other):
            raise UserError(
                f'"{one.probe}": the two measurements are of different weights (fingerprints {one.model} and '
                f"{other.model}).\n  A noise floor needs one model, measured twice."
            )
    pairs = matched([_any_precision(m) for m in first], [_any_precision(m) for m in second], [])
    return grouped([floor_of(one, paired, null_change) for one, _, paired in pairs], [p.ids for _, _, p in pairs])


def grouped(floors: Sequence[NoiseFloor], ids: Sequence[frozenset[str]]) -> list[NoiseFloor]:
    """Floors that know which of them share items: what moves one then moves the other."""
    first: dict[int, str] = {}
    groups = shared_groups(ids)
    for group, own in zip(groups, ids, strict=True):
        first[group] = min([*own, *([first[group]] if group in first else [])])
    return [floor.model_copy(update={"group": first[group]}) for floor, group in zip(floors, groups, strict=True)]


def floor_of(measurement: Measurement, paired: Paired, null_change: str) -> NoiseFloor:
    """The noise floor of one probe from its paired scores."""
    moved = np.abs(paired.loss)
    # What moved is weighed as a loss: of |d| from |d| to nothing, or of |d| from the first score.
    start = moved if paired.share else paired.before
    found = weigh(replace(paired, before=start, after=start - moved, higher_is_better=True))
    scale = 1.0 if paired.share else float(paired.before.mean())
    return NoiseFloor(
        probe=measurement.probe,
        capability=measurement.capability,
        unit="points" if paired.share else "percent",
        null_change=null_change,
        items=int(moved.size),
        effective_items=found.items,
        changed=int(np.count_nonzero(moved)),
        moved=100 * found.estimate,
        low=100 * max(found.two_sided.low, 0.0),
        high=100 * found.two_sided.high,
        most=100 * found.one_sided.high,
        shift=0.0 - 100 * float(paired.loss.mean()) / scale,
        model=measurement.model,
        fingerprint=measurement.settings.get(UNLIMITED),
    )


def same_weights(first: Measurement, second: Measurement) -> bool:
    """Whether both are known to be of one model: the same fingerprint, and no server, whose name proves nothing."""
    served = ENDPOINT in (_precision(first), _precision(second))
    return bool(first.model) and first.model == second.model and not served


def beyond_noise(change: Change, floor: NoiseFloor) -> float:
    """One-sided 95% lower bound of a loss minus its noise floor, in the change's unit.

    loss - moved - sqrt((loss - loss_low)^2 + (most - moved)^2): the distances of both estimates to their
    bounds add in squares (Zou and Donner 2008, Statistics in Medicine 27, 1693-1702). A loss that is nothing
    but noise, all of it downwards, is above 0 in at most 5% (benchmarks/statistics).
    """
    loss = 0.0 - change.delta
    return loss - floor.moved - math.hypot(loss - change.loss_low, floor.most - floor.moved)


def exceeds(change: Change, floor: NoiseFloor | None) -> bool:
    """Whether a loss is more than noise: ``beyond_noise`` is above 0. True where no floor is known."""
    return floor is None or beyond_noise(change, floor) > 0


def floor_for(change: Change, noise: Iterable[NoiseFloor]) -> NoiseFloor | None:
    """The noise floor of a change's probe, where it is known."""
    return next((floor for floor in noise if floor.probe == change.probe), None)


def pooled_floor(losses: Sequence[Change], noise: Sequence[NoiseFloor]) -> NoiseFloor | None:
    """The noise floor of the pooled loss; None unless it is known for each of its probes.

    The mean of the probes' floors; the distances to their bounds add in squares where the probes are independent
    samples of items, and as they are among those that share items.
    """
    used = [change for change in losses if change.unit == "points" and not change.near_chance]
    floors = [floor for change in used if (floor := floor_for(change, noise)) is not None]
    if not floors or len(floors) < len(used):
        return None
    count = len(floors)
    moved = math.fsum(floor.moved for floor in floors) / count

    def away(distances: Iterable[float]) -> float:
        sums: dict[object, float] = {}
        for place, (floor, distance) in enumerate(zip(floors, distances, strict=True)):
            group = ("alone", place) if floor.group is None else floor.group
            sums[group] = sums.get(group, 0.0) + distance
        return math.sqrt(math.fsum(distance**2 for distance in sums.values())) / count

    return NoiseFloor(
        probe="pooled",
        capability="all capabilities",
        unit="points",
        null_change=floors[0].null_change,
        items=sum(floor.items for floor in floors),
        effective_items=math.fsum(floor.effective_items for floor in floors),
        changed=sum(floor.changed for floor in floors),
        moved=moved,
        low=max(moved - away(floor.moved - floor.low for floor in floors), 0.0),
        high=moved + away(floor.high - floor.moved for floor in floors),
        most=moved + away(floor.most - floor.moved for floor in floors),
        shift=math.fsum(floor.shift for floor in floors) / count,
        model=floors[0].model,
    )


def _precision(measurement: Measurement) -> object:
    return measurement.settings.get("precision")


def _any_precision(measurement: Measurement) -> Measurement:
    """Without its precision, which may be the null change itself."""
    settings = {key: value for key, value in measurement.settings.items() if key != "precision"}
    return measurement.model_copy(update={"settings": settings})
