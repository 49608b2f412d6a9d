"""Retained gain: how much of what a plain fine-tune gains is gained with a mitigation."""

from __future__ import annotations

import math
from dataclasses import dataclass

from retain.comparison.bootstrap import cluster_bootstrap
from retain.comparison.clusters import Index, cluster_variance, count_clusters
from retain.comparison.intervals import ONE_SIDED, TWO_SIDED, Bounds, Floats, critical_value
from retain.comparison.paired import Paired, pair, weigh
from retain.errors import UserError
from retain.records import Measurement

CLEAR = 5.0
"""Standard errors by which the plain gain must exceed 0 for a bootstrap, in which no resample may lose it."""
LEAST_CLUSTERS = 100
"""Clusters from which the bootstrap is used: with 50 its 95% interval covers 93.1%, Fieller's 94.5%."""
LEAST_GAIN = 5.0
"""Points (percent, for scores that are no shares) that the plain fine-tune must gain for a ratio to mean something."""


@dataclass(frozen=True)
class RetainedGain:
    """(ours - base) / (plain - base) as a share of 1, or the reason why there is no such number."""

    value: float | None
    low: float | None
    high: float | None
    """Two-sided 95% interval."""
    at_least: float | None
    """One-sided 95% lower bound."""
    fieller_low: float | None
    fieller_high: float | None
    """Fieller's two-sided 95% interval, a cross-check; None where it is not an interval."""
    reason: str | None
    """Why it is not stated; None where it is."""
    plain_gain: float
    plain_low: float
    plain_high: float
    """The plain fine-tune's gain with its two-sided 95% interval, in points (percent for scores that are no shares)."""
    our_gain: float
    items: int


def retained_gain(base: Measurement, plain: Measurement, ours: Measurement) -> RetainedGain:
    """How much of the plain fine-tune's gain on the task ours keeps, with an interval.

    ``plain`` is full fine-tuning or LoRA with weight decay and without any other mitigation, tuned and chosen
    by dev task score alone. The ratio is stated only where the interval of its denominator excludes 0 and the
    estimate is above 5 points: over a gain that may be nothing, any ratio is possible.

    The interval is a paired bootstrap over items (whole clusters), all three scores of an item drawn together.
    Below 100 clusters, and where the plain gain is within 5 standard errors of 0 (a resample may then divide by
    nothing), it is Fieller's, with Student's t. Fieller's is reported beside it where it exists.

    Args:
        base: the task's measurement before training.
        plain: of the best plain fine-tune.
        ours: of the model with mitigations. All three on the same probe and split; items that one of them
            was not asked are left out, those that it could not be scored on count as lost (``pair``).

    Raises:
        UserError: different probes, splits or metrics, no shared item, or scores that ``pair`` refuses.

    Source: Fieller (1954), Journal of the Royal Statistical Society B 16, 175-185.
    """
    _check_alike(base, plain, ours)
    pairs = pair(base, plain), pair(base, ours)
    shared = pairs[0].ids & pairs[1].ids
    if not shared:
        raise UserError(f'The three measurements of "{base.probe}" share no item.')
    with_plain, with_ours = (one.only(shared) for one in pairs)
    found = weigh(with_plain)
    plain_gain, low, high = (0.0 - 100 * x for x in (found.estimate, found.two_sided.high, found.two_sided.low))
    scale = 1.0 if with_plain.share else float(with_plain.before.mean())
    our_gain = 0.0 - 100 * float(with_ours.loss.mean()) / scale
    reason = _refusal(plain_gain, low, "points" if with_plain.share else "percent")
    ratio = None if reason else our_gain / plain_gain
    interval, at_least, fieller = (None, None, None) if reason else _intervals(with_plain, with_ours)
    return RetainedGain(
        value=ratio,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        at_least=at_least,
        fieller_low=fieller.low if fieller else None,
        fieller_high=fieller.high if fieller else None,
        reason=reason or (None if interval else "The plain fine-tune's gain is too uncertain for an interval."),
        plain_gain=plain_gain,
        plain_low=low,
        plain_high=high,
        our_gain=our_gain,
        items=len(shared),
    )


def _check_alike(base: Measurement, plain: Measurement, ours: Measurement) -> None:
    for name in ("probe", "split", "metric", "unit", "higher_is_better"):
        values = [getattr(one, name) for one in (base, plain, ours)]
        if any(value != values[0] for value in values):
            raise UserError(f"Retained gain compares one probe measured three times; {name} differs: {values}.")


def _refusal(gain: float, low: float, unit: str) -> str | None:
    if low <= 0:
        return f"The plain fine-tune's gain of {gain:.1f} {unit} is not clear of 0 (interval from {low:.1f})."
    if gain <= LEAST_GAIN:
        return f"The plain fine-tune gains {gain:.1f} {unit}; more than {LEAST_GAIN:g} are needed for a ratio."
    return None


def _intervals(plain: Paired, ours: Paired) -> tuple[Bounds | None, float | None, Bounds | None]:
    """The two-sided interval, the one-sided lower bound and Fieller's two-sided interval."""
    top, bottom, index = -ours.loss, -plain.loss, plain.index
    two = fieller(top, bottom, index, TWO_SIDED)
    error = math.sqrt(cluster_variance(bottom - bottom.mean(), index))
    if count_clusters(index) >= LEAST_CLUSTERS and bottom.mean() > CLEAR * error:
        wide, narrow = cluster_bootstrap(top, bottom, index, (TWO_SIDED, ONE_SIDED))
        return wide, narrow.low, two
    one = fieller(top, bottom, index, ONE_SIDED)
    return two, one.low if one else None, two


def fieller(numerator: Floats, denominator: Floats, index: Index, level: float = TWO_SIDED) -> Bounds | None:
    """Fieller's interval of mean(numerator) / mean(denominator) from paired, possibly clustered items.

    All r with |mean(numerator - r * denominator)| <= t * SE(r), Student's t with clusters - 1 degrees of
    freedom. None where the denominator is not clear of 0 at this level: the set is then no interval.

    Args:
        numerator: (n,) each item's gain of ours.
        denominator: (n,) each item's gain of the plain fine-tune.
        index: (n,) cluster number of each item.
        level: two-sided.
    """
    clusters = count_clusters(index)
    if clusters < 2:
        return None
    t2 = critical_value(level, clusters - 1) ** 2
    y, x = float(numerator.mean()), float(denominator.mean())
    centred_y, centred_x = numerator - y, denominator - x
    vy, vx = cluster_variance(centred_y, index), cluster_variance(centred_x, index)
    both = (cluster_variance(centred_y + centred_x, index) - vy - vx) / 2
    a, b, c = x * x - t2 * vx, x * y - t2 * both, y * y - t2 * vy
    if a <= 0:
        return None
    root = math.sqrt(max(b * b - a * c, 0.0))
    return Bounds((b - root) / a, (b + root) / a)
