"""Which arm a frontier speaks for: rules on what was measured on dev items, without a model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, variance
from typing import NamedTuple

from retain.comparison.dev import gain_order, loss_order
from retain.frontier_records import ArmResult, Recommendation, gain_unit, groups, in_percent, point_label
from retain.records import Candidate


class Point(NamedTuple):
    """An arm at a strength, over its seeds; a number is missing where a seed's is.

    Attributes:
        variant: of the arm.
        share: of the training rows.
        strength: of the update; where seeds chose different ones, their mean.
        gain: on dev items, in points (bits per byte: percent).
        mean_loss: on dev items, in points; missing where nothing but bits per byte was measured.
        worst_loss: of the worst capability with each seed, as :class:`retain.records.Candidate` has it.
        gain_error: standard error of the gain, over items and seeds.
        passing: the margins hold with every seed.
        chosen: the strength is the one that the arm took.
    """

    variant: str
    share: float
    strength: float
    gain: float | None
    mean_loss: float | None
    worst_loss: float | None
    gain_error: float
    passing: bool
    chosen: bool

    @property
    def label(self) -> str:
        """What a person calls it."""
        return point_label(self.variant, self.share, self.strength)

    @property
    def loss(self) -> float | None:
        """What puts points in order: the mean loss, or that of the worst capability where no loss is pooled."""
        return self.worst_loss if self.mean_loss is None else self.mean_loss


def points(arms: Sequence[ArmResult]) -> list[Point]:
    """All points of all arms, seeds taken together; arms that failed with some seed are left out."""
    return [
        _point(seeds, [arm.curve[number] for arm in seeds])
        for seeds in groups(arms)
        for number in range(len(seeds[0].curve))
    ]


def chosen_points(arms: Sequence[ArmResult]) -> list[Point]:
    """One point for each variant and share: each seed at the strength that it chose."""
    return [_chosen(seeds) for seeds in groups(arms)]


def _chosen(seeds: Sequence[ArmResult]) -> Point:
    return _point(seeds, [arm.taken for arm in seeds])._replace(chosen=True)


def _point(seeds: Sequence[ArmResult], found: Sequence[Candidate]) -> Point:
    return Point(
        variant=seeds[0].variant,
        share=seeds[0].share,
        strength=fmean(one.value for one in found),
        gain=_mean([one.gain for one in found]),
        mean_loss=_mean([one.mean_loss for one in found]),
        worst_loss=_mean([one.worst_loss for one in found]),
        gain_error=_error([one.gain for one in found], [one.gain_error for one in found]),
        passing=all(one.passing for one in found),
        chosen=all(arm.strength == one.value for arm, one in zip(seeds, found, strict=True)),
    )


def _mean(values: Sequence[float | None]) -> float | None:
    """The mean over seeds; None where a seed's number is missing."""
    known = [value for value in values if value is not None]
    return fmean(known) if len(known) == len(values) else None


def _error(values: Sequence[float | None], errors: Sequence[float | None]) -> float:
    """Standard error of a mean over seeds that share their dev items: the items' plus the seeds'; 0 of what is missing.

    An error that is not known allows nothing: no arm is then alike that gains less.
    """
    known = [value for value in values if value is not None]
    items = fmean((error or 0.0) ** 2 for error in errors)
    return math.sqrt(items + (variance(known) / len(known) if len(known) > 1 else 0.0))


def pareto(found: Sequence[Point]) -> list[Point]:
    """Points that no other one beats: at least as good in gain and in loss, and better in one; by gain.

    A number that is missing is worse than any other.
    """
    places = [(gain_order(one.gain), loss_order(one.loss)) for one in found]

    def beaten(place: tuple[float, float]) -> bool:
        return any(gain >= place[0] and loss <= place[1] and (gain, loss) != place for gain, loss in places)

    kept = [one for one, place in zip(found, places, strict=True) if not beaten(place)]
    return sorted(kept, key=lambda one: gain_order(one.gain))


def reached(seeds: Sequence[ArmResult], target: float) -> bool:
    """Whether a rung of a ladder gains what is wanted within the margins on dev items, with every seed."""
    taken = [arm.taken for arm in seeds]
    return all(one.passing and gain_order(one.gain) >= target for one in taken)


def recommend(arms: Sequence[ArmResult], target: float | None = None) -> Recommendation | None:
    """The arm to take, each at the strength that it chose, and why; None where every arm failed.

    Of the arms that pass the margins on dev items: of those whose gain lies within one standard error of the greatest,
    the one with the least mean loss. A greater gain that the dev items cannot show is no reason to forget more. Where
    none passes: the arm with the least mean loss among those that gained at least half of the greatest gain, since the
    base itself would lose least. With a target it is the first arm that reaches it, and this rule where none does.

    Where no loss is pooled, the loss of the worst capability takes the mean's place. What is missing is not zero: an
    arm without it is taken last.

    Args:
        arms: results, seeds and shares one by one, in the order in which they were trained.
        target: the gain that is enough.
    """
    found = chosen_points(arms)
    if not found:
        return None
    unit = gain_unit(arms)
    enough = [] if target is None else [seeds for seeds in groups(arms) if reached(seeds, target)]
    if enough:
        first = _chosen(enough[0])
        return _recommendation(first, f"the first to gain {target:g} {unit} within the margins on dev items", unit)
    fit = [one for one in found if one.passing]
    best = max(fit or found, key=lambda one: gain_order(one.gain))
    alike = _alike(fit or found, best, bool(fit))
    taken = min(alike, key=lambda one: (loss_order(one.loss), -gain_order(one.gain)))
    why = "" if target is None else f"none gains {target:g} {unit} within the margins on dev items; "
    why += f"{len(fit) or 'none'} of {len(found)} arms passed the margins on dev items"
    return _recommendation(taken, why, unit, _because(taken, best, alike, bool(fit)))


def _alike(pool: Sequence[Point], best: Point, passed: bool) -> list[Point]:
    """Points among which the loss decides; all where no gain was measured."""
    if best.gain is None:
        return list(pool)
    enough = best.gain - best.gain_error if passed else best.gain / 2
    return [one for one in pool if gain_order(one.gain) >= enough] or [best]


def _recommendation(taken: Point, why: str, unit: str, because: str = "") -> Recommendation:
    losses = "" if unit == "points" else " points"
    gains = "has no measured gain" if taken.gain is None else f"gains {taken.gain:.1f} {unit}"
    loses = "has no measured loss"
    if taken.mean_loss is not None:
        loses = f"loses {taken.mean_loss:.1f}{losses} on average"
    elif taken.worst_loss is not None:
        loses = f"loses {taken.worst_loss:.1f}% in its worst capability"
    return Recommendation(
        variant=taken.variant,
        share=taken.share,
        strength=taken.strength,
        passing=taken.passing,
        reason=f"{why}; {taken.label} {gains} and {loses}{because}",
    )


def _because(taken: Point, best: Point, alike: Sequence[Point], passed: bool) -> str:
    """Why a point is taken of those among which the loss decides."""
    if best.gain is None:
        return f", the least of {len(alike)}" if taken.loss is not None else f": the first of {len(alike)}"
    if taken.loss is None or (len(alike) == 1 and (passed or best.gain <= 0)):
        return ", the greatest gain"
    if len(alike) == 1:
        return ", the only one with half of the greatest gain"
    if passed and taken is best:
        return f": the greatest gain, and the least loss of the {len(alike)} whose gain is alike"
    which = (
        "whose gain lies within a standard error of the greatest"
        if passed
        else "that gain at least half of the greatest gain"
    )
    return f", the least of the {len(alike)} {which}, {best.gain:.1f} of {best.label}"


def advice(arms: Sequence[ArmResult], taken: Recommendation | None) -> str:
    """Whether more rows or another recipe is the better next step; empty where one share of the rows was tried.

    Only an arm that passes the margins on dev items is pointed at, and only where a difference is above its standard
    error: those of both arms added in squares, which is cautious, as arms share their dev items.
    """
    found = chosen_points(arms)
    own = sorted(
        (one for one in found if taken is not None and one.variant == taken.variant), key=lambda one: one.share
    )
    if len(own) < 2:
        return ""
    fewer, more = own[-2:]
    if fewer.gain is None or more.gain is None:
        return ""
    unit, step, error = gain_unit(arms), more.gain - fewer.gain, math.hypot(more.gain_error, fewer.gain_error)
    seen = (
        f"from {in_percent(fewer.share)} to {in_percent(more.share)} of the rows the gain of {more.variant} changes by "
        f"{step:+.1f} {unit} (standard error {error:.1f})"
    )
    if more.passing and step > error:
        return f"More rows: {seen}."
    ahead = [
        (one.gain - more.gain, math.hypot(one.gain_error, more.gain_error), one.variant)
        for one in found
        if one.passing and one.gain is not None and one.share == more.share and one.variant != more.variant
    ]
    better, error, variant = max(ahead, default=(0.0, 0.0, ""))
    if better > error:
        return (
            f"Another recipe: {seen}, and {variant}, which passes the margins, gains {better:.1f} {unit} more on the "
            f"same rows (standard error {error:.1f})."
        )
    return f"Neither is shown to help: {seen}, and no arm that passes the margins gains clearly more on the same rows."
