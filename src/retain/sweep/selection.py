"""Which arm a frontier speaks for: rules on what was measured on dev items, without a model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, variance
from typing import NamedTuple

from retain.frontier_records import ArmResult, Recommendation, gain_unit, groups, point_label
from retain.records import Candidate


class Point(NamedTuple):
    """An arm at a strength, over its seeds.

    Attributes:
        variant: of the arm.
        share: of the training rows.
        strength: of the update; where seeds chose different ones, their mean.
        gain: on dev items, in points (bits per byte: percent).
        loss: mean loss on dev items, in points.
        gain_error: standard error of the gain, over items and seeds.
        loss_error: of the loss.
        passing: the margins hold with every seed.
        chosen: the strength is the one that the arm took.
    """

    variant: str
    share: float
    strength: float
    gain: float
    loss: float
    gain_error: float
    loss_error: float
    passing: bool
    chosen: bool

    @property
    def label(self) -> str:
        """What a person calls it."""
        return point_label(self.variant, self.share, self.strength)


def points(arms: Sequence[ArmResult]) -> list[Point]:
    """All points of all arms, seeds taken together; arms that failed with some seed are left out."""
    return [
        _point(seeds, [arm.curve[number] for arm in seeds])
        for seeds in groups(arms)
        for number in range(len(seeds[0].curve))
    ]


def chosen_points(arms: Sequence[ArmResult]) -> list[Point]:
    """One point for each variant and share: each seed at the strength that it chose."""
    return [_point(seeds, [arm.taken for arm in seeds])._replace(chosen=True) for seeds in groups(arms)]


def _point(seeds: Sequence[ArmResult], found: Sequence[Candidate]) -> Point:
    return Point(
        variant=seeds[0].variant,
        share=seeds[0].share,
        strength=fmean(one.value for one in found),
        gain=fmean(one.gain or 0.0 for one in found),
        loss=fmean(one.mean_loss or 0.0 for one in found),
        gain_error=_error([one.gain or 0.0 for one in found], [one.gain_error or 0.0 for one in found]),
        loss_error=_error([one.mean_loss or 0.0 for one in found], [one.loss_error or 0.0 for one in found]),
        passing=all(one.passing for one in found),
        chosen=all(arm.strength == one.value for arm, one in zip(seeds, found, strict=True)),
    )


def _error(values: Sequence[float], errors: Sequence[float]) -> float:
    """Standard error of a mean over seeds that share their dev items: the items' plus the seeds'."""
    items = fmean(error**2 for error in errors)
    return math.sqrt(items + (variance(values) / len(values) if len(values) > 1 else 0.0))


def pareto(found: Sequence[Point]) -> list[Point]:
    """Points that no other one beats: at least as good in gain and in loss, and better in one; by gain."""

    def beaten(one: Point) -> bool:
        return any(
            other.gain >= one.gain and other.loss <= one.loss and (other.gain, other.loss) != (one.gain, one.loss)
            for other in found
        )

    return sorted((one for one in found if not beaten(one)), key=lambda one: one.gain)


def recommend(arms: Sequence[ArmResult]) -> Recommendation | None:
    """The arm to take, each at the strength that it chose, and why; None where every arm failed.

    Of the arms that pass the margins on dev items: of those whose gain lies within one standard error of the greatest,
    the one with the least mean loss. A greater gain that the dev items cannot show is no reason to forget more. Where
    none passes: the arm with the least mean loss among those that gained at least half of the greatest gain, since the
    base itself would lose least.
    """
    found = chosen_points(arms)
    if not found:
        return None
    fit = [one for one in found if one.passing]
    best = max(fit or found, key=lambda one: one.gain)
    if fit:
        alike = [one for one in fit if one.gain >= best.gain - best.gain_error]
        why = f"{len(fit)} of {len(found)} arms passed the margins on dev items"
    else:
        alike = [one for one in found if one.gain >= best.gain / 2]
        why = f"none of {len(found)} arms passed the margins on dev items"
    taken = min(alike, key=lambda one: (one.loss, -one.gain))
    return Recommendation(
        variant=taken.variant,
        share=taken.share,
        strength=taken.strength,
        passing=taken.passing,
        reason=f"{why}; {_because(taken, best, alike, bool(fit), gain_unit(arms))}",
    )


def _because(taken: Point, best: Point, alike: Sequence[Point], passed: bool, unit: str) -> str:
    losses = "" if unit == "points" else " points"
    what = f"{taken.label} gains {taken.gain:.1f} {unit} and loses {taken.loss:.1f}{losses} on average"
    if len(alike) == 1:
        return f"{what}, the greatest gain" if passed else f"{what}, the only one with half of the greatest gain"
    if passed and taken is best:
        return f"{what}: the greatest gain, and the least loss of the {len(alike)} whose gain is alike"
    which = (
        f"whose gain lies within a standard error of the greatest, {best.gain:.1f} of {best.label}"
        if passed
        else f"that gain at least half of the greatest gain, {best.gain:.1f} of {best.label}"
    )
    return f"{what}, the least of the {len(alike)} {which}"


def advice(arms: Sequence[ArmResult], taken: Recommendation | None) -> str:
    """Whether more rows or another recipe is the better next step; empty where one share of the rows was tried."""
    found = chosen_points(arms)
    if taken is None or len({one.share for one in found}) < 2:
        return ""
    own = sorted((one for one in found if one.variant == taken.variant), key=lambda one: one.share)
    others = [one for one in found if one.share == own[-1].share and one.variant != taken.variant]
    if len(own) < 2:
        return ""
    fewer, more = own[-2:]
    step, error = more.gain - fewer.gain, math.hypot(more.gain_error, fewer.gain_error)
    seen = f"from {fewer.share:.0%} to {more.share:.0%} of the rows the gain of {taken.variant} changes by {step:+.1f}"
    unit = gain_unit(arms)
    seen += f" {unit} (standard error {error:.1f})"
    if step > error:
        return f"More rows: {seen}."
    better = max((one.gain - more.gain for one in others), default=0.0)
    if better > error:
        return f"Another recipe: {seen}, and another arm gains {better:.1f} {unit} more on the same rows."
    return f"Neither is shown to help: {seen}, and no arm gains clearly more on the same rows."
