"""Numbers of a task matrix R[i][j]: task j after stage i of T, row 0 the base; columns in the order of learning.

Sources: ACC, BWT and forward transfer Lopez-Paz and Ranzato (2017), Gradient Episodic Memory, arXiv 1706.08840;
forgetting Chaudhry et al. (2018), Riemannian Walk, arXiv 1801.10112. Intervals: docs/decisions/sequences.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from retain.comparison.intervals import TWO_SIDED, Bounds, flip_bounds, paired_t
from retain.comparison.paired import Paired, pair, weigh
from retain.comparison.pooled import pool
from retain.errors import UserError
from retain.records import Change, Measurement
from retain.sequence_records import Estimate, Forgetting

Row = Mapping[str, Measurement]
"""Task -> its measurement; a task that was not measured is absent."""


def shared_items(rows: Sequence[Row], task: str) -> list[Row]:
    """Rows whose measurement of a task holds the same items: those that each row scored or could not score.

    Raises:
        UserError: no item is in all of them.
    """
    found = [row[task] for row in rows if task in row]
    shared = frozenset.intersection(*(frozenset(one.scores.keys() | one.left_out.keys()) for one in found))
    if not any(item in shared for item in found[0].scores):
        raise UserError(f'The measurements of "{task}" share no item.')
    return [{**row, task: _only(row[task], shared)} if task in row else row for row in rows]


def _only(measurement: Measurement, items: frozenset[str]) -> Measurement:
    scores = {item: score for item, score in measurement.scores.items() if item in items}
    left_out = {item: why for item, why in measurement.left_out.items() if item in items}
    return measurement.model_copy(update={"scores": scores, "left_out": left_out})


def matrix(rows: Sequence[Row], tasks: Sequence[str]) -> list[list[float | None]]:
    """R row by row: mean scores, in points for shares and in the metric's own unit otherwise; None where missing.

    An item without a score has the worst one there is, 0, where the metric is a share that is the better the higher.
    """
    return [[_mean(row.get(task)) for task in tasks] for row in rows]


def _mean(measurement: Measurement | None) -> float | None:
    if measurement is None:
        return None
    scores = list(measurement.scores.values())
    if measurement.unit != "share":
        return math.fsum(scores) / len(scores) if scores else None
    worst = 0.0 if measurement.higher_is_better else 1.0
    scores += [worst] * len(measurement.left_out)
    return 100 * math.fsum(scores) / len(scores) if scores else None


def accuracy(rows: Sequence[Row], tasks: Sequence[str]) -> Estimate | None:
    """ACC = mean_j R[T][j]."""
    return mean_change([(_nothing(rows[-1][task]), rows[-1][task]) for task in counted(rows, tasks)])


def backward_transfer(rows: Sequence[Row], tasks: Sequence[str]) -> Estimate | None:
    """BWT = mean_{j<T} (R[T][j] - R[j][j]); negative = earlier tasks were lost. None with one stage."""
    earlier = [(number, task) for number, task in enumerate(tasks[:-1], 1) if _counts(rows[-1][task])]
    return mean_change([(rows[number][task], rows[-1][task]) for number, task in earlier])


def forward_transfer(rows: Sequence[Row], tasks: Sequence[str]) -> Estimate | None:
    """FWT = mean_{j>1} (R[j-1][j] - R[0][j]): what earlier stages did for a task before it was learned.

    None with one stage. A task that was not measured right before its stage is left out.
    """
    later = [
        (number, task) for number, task in enumerate(tasks[1:], 1) if task in rows[number] and _counts(rows[0][task])
    ]
    return mean_change([(rows[0][task], rows[number][task]) for number, task in later])


def learned(rows: Sequence[Row], tasks: Sequence[str], after: Sequence[int]) -> Estimate | None:
    """Mean over tasks of R[i][j] - R[0][j], i the row right after task j.

    Args:
        rows: of the matrix.
        tasks: its columns.
        after: of each task, that row's number.
    """
    pairs = [(rows[0][task], rows[number][task]) for task, number in zip(tasks, after, strict=True)]
    return mean_change([both for both in pairs if _counts(both[0])])


def counted(rows: Sequence[Row], tasks: Sequence[str]) -> list[str]:
    """Tasks whose numbers have a common mean: shares."""
    return [task for task in tasks if _counts(rows[0][task])]


def _counts(measurement: Measurement) -> bool:
    return measurement.unit == "share"


def mean_change(pairs: Sequence[tuple[Measurement, Measurement]]) -> Estimate | None:
    """The mean over probes of after minus before, in points, with its 95% interval; None without probes.

    Each probe has the same weight. The interval is that of the pooled loss: it holds when few answers changed, where a
    bootstrap of the items has next to no width.
    """
    if not pairs:
        return None
    pooled = pool([weigh(pair(before, after)) for before, after in pairs])
    low, high = pooled.two_sided
    return Estimate(
        value=_plain(-100 * pooled.estimate), low=_plain(-100 * high), high=_plain(-100 * low), tasks=len(pairs)
    )


def mean_gain(pairs: Sequence[tuple[Measurement, Measurement]], name: str) -> Change | None:
    """:func:`mean_change` as a change that a verdict can be passed on; None without probes."""
    if not pairs:
        return None
    paired = [pair(before, after) for before, after in pairs]
    evidence = [weigh(one) for one in paired]
    pooled = pool(evidence)
    items = sum(one.items for one in evidence)
    before, after = (
        100 * math.fsum(float(values.mean()) for values in side) / len(paired)
        for side in ([one.before for one in paired], [one.after for one in paired])
    )
    return Change(
        probe=name,
        capability=name,
        metric=f"mean of {len(pairs)} tasks" if len(pairs) > 1 else pairs[0][0].metric,
        unit="points",
        generates=any(one.generates for one, _ in pairs),
        before=before,
        after=after,
        delta=_plain(-100 * pooled.estimate),
        low=_plain(-100 * pooled.two_sided.high),
        high=_plain(-100 * pooled.two_sided.low),
        loss_low=100 * pooled.one_sided.low,
        loss_high=100 * pooled.one_sided.high,
        items=sum(one.before.size for one in paired),
        effective_items=items,
        won=sum(int((one.loss < 0).sum()) for one in paired),
        lost=sum(int((one.loss > 0).sum()) for one in paired),
        binary=all(one.binary for one in paired),
        variance=100**2 * pooled.variance * items,
        p_loss=pooled.p_loss,
    )


def forgetting(rows: Sequence[Row], tasks: Sequence[str], names: Sequence[str]) -> list[Forgetting]:
    """max_l R[l][j] - R[T][j] of each task that is a share, over all rows l, the base's too; never negative.

    The greatest of several noisy means is too high by chance, and so is this number. Its interval allows for that: of
    the m differences to the last row each has an interval at 1 - 0.05/m (Bonferroni), which hold together, and the
    greatest difference lies between the greatest lower and the greatest upper end of them.

    Args:
        rows: of the matrix.
        tasks: its columns.
        names: of the rows.
    """
    return [_forgetting(rows, task, names) for task in counted(rows, tasks)]


def _forgetting(rows: Sequence[Row], task: str, names: Sequence[str]) -> Forgetting:
    last = rows[-1][task]
    earlier = [(name, pair(row[task], last)) for name, row in zip(names[:-1], rows[:-1], strict=True) if task in row]
    losses = [float(paired.loss.mean()) for _, paired in earlier]
    level = 1 - (1 - TWO_SIDED) / max(1, len(earlier))
    bounds = [loss_bounds(paired, level) for _, paired in earlier]
    value = max([0.0, *losses])
    best = earlier[losses.index(value)][0] if value > 0 else names[-1]
    return Forgetting(
        task=task,
        value=100 * value,
        low=100 * max([0.0, *(one.low for one in bounds)]),
        high=100 * max([0.0, *(one.high for one in bounds)]),
        best=best,
    )


def loss_bounds(paired: Paired, level: float) -> Bounds:
    """The interval of a mean loss at any two-sided level: from flips where scores are 0 and 1, else Student's t."""
    found = weigh(paired)
    if found.df <= 0:
        return Bounds(-1.0, 1.0)
    if found.flips is not None:
        return flip_bounds(*found.flips, found.items, level, found.df)
    return paired_t(found.estimate, found.standard_error, found.df, level)


def _nothing(measurement: Measurement) -> Measurement:
    """The same items with a score of 0 each, in a metric that is the better the higher."""
    return measurement.model_copy(
        update={"scores": dict.fromkeys([*measurement.scores, *measurement.left_out], 0.0), "left_out": {}}
    )


def _plain(value: float) -> float:
    """Without the negative zero."""
    return 0.0 + value
