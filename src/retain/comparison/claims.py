"""What several runs say together, over tasks and seeds: the gain that was kept, and the mean loss."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from retain.comparison.intervals import ONE_SIDED, TWO_SIDED, Bounds, Floats
from retain.comparison.paired import Paired
from retain.comparison.seeds import Parts, between, in_squares, losses_of, parts_of
from retain.errors import UserError
from retain.records import Measurement

Both = tuple[Measurement, Measurement]
Three = tuple[Measurement, Measurement, Measurement]
WIDEST = 4.0
"""Ratios between minus this and this are looked at."""
STEPS = 60
"""Halvings of that range."""


@dataclass(frozen=True)
class MeanLoss:
    """The mean loss over tasks, seeds and probes, in points."""

    loss: float
    low: float
    high: float
    """Two-sided 95% interval."""
    at_most: float
    """One-sided 95% upper bound."""
    by_run: tuple[float, ...]


@dataclass(frozen=True)
class GainKept:
    """Our gain over the plain fine-tune's, over tasks and seeds."""

    share: float
    low: float
    high: float
    """Two-sided 95% interval; infinite where the plain gain is not clear of 0."""
    at_least: float
    """One-sided 95% lower bound."""


def mean_loss(tasks: Sequence[Sequence[Sequence[Both]]]) -> MeanLoss:
    """The mean loss over tasks and probes, for seeds and items that were not drawn; tasks as given.

    All runs answered the same items. The variance of the mean is that between the means over probes of a task's runs
    plus that of the items, probe by probe; half-widths add in squares as in ``over_seeds``.

    Args:
        tasks: of each task and seed, (base, tuned) of every probe; probes in any order. Shares only: percent and
            points have no common mean.

    Raises:
        UserError: fewer than two seeds of a task, or runs with different probes.
    """
    for task in tasks:
        _at_least_two(task)
    runs = [run for task in tasks for run in task]
    names = [sorted(before.probe for before, _ in run) for run in runs]
    if any(one != names[0] for one in names) or len(set(names[0])) < len(names[0]):
        raise UserError("Runs are pooled over the same probes, each once.")
    ordered = [sorted(run, key=lambda both: both[0].probe) for run in runs]
    places = _places(tasks)
    parts = [parts_of(*losses_of(probe), places) for probe in zip(*ordered, strict=True)]
    means = np.mean([one.means for one in parts], axis=0)
    estimate = float(np.mean([means[place].mean() for place in places]))
    within = sum(one.within for one in parts) / len(parts) ** 2
    degrees = sum(one.clusters - 1 for one in parts)
    pieces = ((between(means, places), len(runs) - len(tasks)), (within, degrees))
    two, one = (in_squares(estimate, pieces, level) for level in (TWO_SIDED, ONE_SIDED))
    by_run = tuple(100 * float(mean) for mean in means)
    return MeanLoss(100 * estimate, 100 * two.low, 100 * two.high, 100 * one.high, by_run)


def _places(tasks: Sequence[Sequence[object]]) -> list[slice]:
    """Where each task's runs stand among all runs."""
    ends = list(accumulate(len(task) for task in tasks))
    return [slice(end - len(task), end) for task, end in zip(tasks, ends, strict=True)]


def gain_kept(tasks: Sequence[Sequence[Three]]) -> GainKept:
    """The share of the plain fine-tune's gain that is kept, summed over tasks, for seeds and items not drawn.

    Fieller's interval over runs: all shares r for which the mean of (our gain - r * plain gain) is not different
    from 0, where the mean's interval is that of ``over_seeds`` for each task, tasks as given.

    Args:
        tasks: of each task and seed, (base, plain, ours) of the task's probe; seeds in the same order for both.

    Raises:
        UserError: fewer than two seeds of a task, or measurements that cannot be paired.

    Source: Fieller (1954), Journal of the Royal Statistical Society B 16, 175-185.
    """
    gains = []
    for runs in tasks:
        _at_least_two(runs)
        both = [(base, one) for base, one, _ in runs] + [(base, one) for base, _, one in runs]
        losses, scale, first = losses_of(both)  # of the items that all share, plain first
        gains.append((-losses[: len(runs)], -losses[len(runs) :], scale[: len(runs)], first))
    top = sum(_mean(ours, scale) for _, ours, scale, _ in gains)
    bottom = sum(_mean(plain, scale) for plain, _, scale, _ in gains)
    two = _ratios(gains, TWO_SIDED)
    return GainKept(top / bottom if bottom else math.nan, two.low, two.high, _ratios(gains, ONE_SIDED).low)


def _at_least_two(runs: Sequence[object]) -> None:
    if len(runs) < 2:
        raise UserError(f"What holds over seeds needs at least two runs, not {len(runs)}.")


def _mean(gains: Floats, scale: Floats) -> float:
    return float((gains.sum(axis=1) / scale.sum(axis=1)).mean())


Gains = Sequence[tuple[Floats, Floats, Floats, Paired]]
"""Of each task: gains of plain and of ours, (R, n), what a mean is divided by, and the items' pairs."""


def _ratios(gains: Gains, level: float) -> Bounds:
    """The least and the greatest share that is not excluded; all of them where the plain gain may be nothing."""
    if _difference(gains, 0.0, -1.0, level).low <= 0:
        return Bounds(-math.inf, math.inf)
    low = _last(lambda share: _difference(gains, 1.0, share, level).low > 0)
    high = _last(lambda share: _difference(gains, 1.0, share, level).high >= 0)
    return Bounds(low, high)


def _last(holds: Callable[[float], bool]) -> float:
    """The greatest share for which something holds that fails from there on, by halving."""
    low, high = -WIDEST, WIDEST
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def _difference(gains: Gains, own: float, share: float, level: float) -> Bounds:
    """The interval of own * (our gain) - share * (the plain gain), the mean over tasks."""
    parts: list[Parts] = [parts_of(own * ours - share * plain, scale, first) for plain, ours, scale, first in gains]
    tasks = len(parts)
    estimate = float(np.mean([one.means.mean() for one in parts]))
    from_runs = sum(one.between for one in parts) / tasks**2
    within = sum(one.within for one in parts) / tasks**2
    runs = sum(len(one.means) - 1 for one in parts)
    return in_squares(estimate, ((from_runs, runs), (within, sum(one.clusters - 1 for one in parts))), level)
