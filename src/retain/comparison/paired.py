"""Two measurements of one probe, item by item, and what the differences say."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from retain.comparison.bootstrap import LEAST_CLUSTERS, cluster_bootstrap
from retain.comparison.clusters import (
    Index,
    cluster_index,
    cluster_variance,
    count_clusters,
    design_effect,
    flip_design_effect,
)
from retain.comparison.intervals import ONE_SIDED, TWO_SIDED, Bounds, Floats, flip_bounds, skewed_t
from retain.comparison.mcnemar import mcnemar_midp, mcnemar_score
from retain.errors import UserError, listed
from retain.records import Measurement

FEW_CHANGED = 15
"""A bootstrap or t interval of fewer changed items says more than is known."""


@dataclass(frozen=True)
class Paired:
    """Scores of the items that both measurements hold, in the order of their ids."""

    before: Floats
    after: Floats
    index: Index
    """Cluster number of each item."""
    higher_is_better: bool
    share: bool
    """Scores are shares of 1; otherwise losses are shares of the base's mean."""
    unpaired: int
    ids: frozenset[str]
    unscored: int = 0
    """Items that only the first measurement could score; they count as lost."""

    def only(self, ids: frozenset[str]) -> Paired:
        """The pairs of some items, their clusters numbered anew."""
        kept = np.array([one in ids for one in sorted(self.ids)], dtype=bool)
        _, index = np.unique(self.index[kept], return_inverse=True)
        return replace(self, before=self.before[kept], after=self.after[kept], index=index, ids=self.ids & ids)

    @property
    def loss(self) -> Floats:
        """(n,) loss of each item in the scores' unit; positive = worse."""
        change = self.before - self.after
        return change if self.higher_is_better else -change

    @property
    def binary(self) -> bool:
        """All scores are 0 or 1."""
        return self.share and bool(np.isin(self.before, (0, 1)).all() and np.isin(self.after, (0, 1)).all())


def pair(before: Measurement, after: Measurement) -> Paired:
    """Match two measurements of one probe by item id.

    An item that was scored before and could not be scored after (it is named in ``left_out``: the likelihood is not
    finite, a rule gave up on the answer) counts as lost, with the worst score there is: leaving it out would let a
    broken model pass. An item that was not asked on one side is left out.

    Raises:
        UserError: a score is NaN or infinite, both have items but share none, or a share lies outside 0..1.
    """
    for side, measurement in (("before", before), ("after", after)):
        _check_scores(side, measurement)
    unscored = before.scores.keys() & after.left_out.keys() - after.scores.keys()
    scores = {**after.scores, **dict.fromkeys(unscored, _worst(before, after))}
    ids = sorted(before.scores.keys() & scores.keys())
    if before.scores and after.scores and not ids:
        raise UserError(
            f'The two measurements of "{before.probe}" share no item: {len(before.scores)} items before, '
            f"{len(after.scores)} after.\n  Measure both models with the same suite and the same limit."
        )
    return Paired(
        before=np.array([before.scores[i] for i in ids], dtype=float),
        after=np.array([scores[i] for i in ids], dtype=float),
        index=cluster_index(ids, {**after.clusters, **before.clusters}),
        higher_is_better=before.higher_is_better,
        share=before.unit == "share",
        unpaired=len(before.scores.keys() ^ scores.keys()),
        ids=frozenset(ids),
        unscored=len(unscored),
    )


def _worst(before: Measurement, after: Measurement) -> float:
    """The worst score of a share; for open-ended scores the worst that either measurement holds."""
    if before.unit == "share":
        return 0.0 if before.higher_is_better else 1.0
    worst = min if before.higher_is_better else max
    return worst([*before.scores.values(), *after.scores.values()], default=0.0)


def _check_scores(side: str, measurement: Measurement) -> None:
    bad = [f"{item}: {score}" for item, score in measurement.scores.items() if not math.isfinite(score)]
    if bad:
        raise UserError(
            f'Scores of "{measurement.probe}" ({side}) are not numbers; leave out what has no score:\n' + listed(bad, 5)
        )
    if measurement.unit != "share":
        return
    bad = [f"{item}: {score}" for item, score in measurement.scores.items() if not 0 <= score <= 1]
    if bad:
        raise UserError(f'Scores of "{measurement.probe}" ({side}) are not shares of 1:\n' + listed(bad, 5))


@dataclass(frozen=True)
class Evidence:
    """What one probe says about its loss, as a share: flips, or a mean with its error."""

    estimate: float
    items: float
    """Effective items."""
    df: float
    """Degrees of freedom: infinite for flips of independent items, else clusters - 1."""
    variance: float
    """Of the paired differences: estimate's variance times effective items."""
    flips: tuple[float, float] | None
    """(lost, won) as effective counts; None where the mean and its error say more."""
    two_sided: Bounds
    one_sided: Bounds
    p_loss: float
    ids: frozenset[str] = frozenset()

    @property
    def standard_error(self) -> float:
        """Of the estimate."""
        return math.sqrt(self.variance / self.items)


def weigh(paired: Paired) -> Evidence:
    """Estimate, intervals and test of the mean loss.

    Scores of 0 and 1: flip bounds and McNemar's mid-p with effective counts. Other scores: BCa bootstrap over
    clusters, or Student's t (widened by skewness) below 30 clusters. Shares of which fewer than 15 items
    changed: flip bounds again, each item counting as the part that it lost or won; since |d| <= 1 gives d^2
    <= |d|, that overstates the variance and so is safe, while a bootstrap of hardly any change has next to no
    width.

    Raises:
        UserError: there are no items, or the base's mean is not above 0 where losses are in percent of it.
    """
    if paired.before.size == 0:
        raise UserError("There are no items to compare.")
    few = np.count_nonzero(paired.loss) < FEW_CHANGED
    if paired.binary or (paired.share and few):
        return _weigh_flips(paired)
    return _weigh_scores(paired)


def _weigh_flips(paired: Paired) -> Evidence:
    loss, n = paired.loss, paired.loss.size
    effect = flip_design_effect(loss, paired.index)
    items = n / effect
    clusters = count_clusters(paired.index)
    df = math.inf if clusters == n else float(clusters - 1)
    lost, won = float(loss[loss > 0].sum()) / effect, float(-loss[loss < 0].sum()) / effect
    everything = Bounds(-1.0, 1.0)
    known = df > 0
    return Evidence(
        estimate=float(loss.mean()),
        items=items,
        df=df,
        variance=float(loss.var(ddof=1)) if n > 1 else 1.0,
        flips=(lost, won),
        two_sided=flip_bounds(lost, won, items, TWO_SIDED, df) if known else everything,
        one_sided=flip_bounds(lost, won, items, ONE_SIDED, df) if known else everything,
        p_loss=_p_flips(lost, won, df) if known else 0.5,
        ids=paired.ids,
    )


def _p_flips(lost: float, won: float, df: float) -> float:
    return mcnemar_midp(lost, won) if math.isinf(df) else max(mcnemar_midp(lost, won), mcnemar_score(lost, won, df))


def _weigh_scores(paired: Paired) -> Evidence:
    loss, n = paired.loss, paired.loss.size
    scale = np.ones(n) if paired.share else paired.before
    if scale.mean() <= 0:
        raise UserError("A change in percent needs a base whose mean score is above 0.")
    estimate = float(loss.sum() / scale.sum())
    residuals = (loss - estimate * scale) / scale.mean()
    clusters = count_clusters(paired.index)
    error = math.sqrt(cluster_variance(residuals, paired.index))
    df = float(clusters - 1)
    if clusters >= LEAST_CLUSTERS:
        two, one = cluster_bootstrap(loss, scale, paired.index, (TWO_SIDED, ONE_SIDED))
    else:
        third = float((np.bincount(paired.index, weights=residuals) ** 3).sum()) / n**3
        two, one = (skewed_t(estimate, error, third, df, level) for level in (TWO_SIDED, ONE_SIDED))
    items = n / design_effect(residuals, paired.index)
    return Evidence(
        estimate=estimate,
        items=items,
        df=df,
        variance=error**2 * items,
        flips=None,
        two_sided=_clipped(two, paired.share),
        one_sided=_clipped(one, paired.share),
        p_loss=_p_mean(estimate, error, df),
        ids=paired.ids,
    )


def _p_mean(estimate: float, error: float, df: float) -> float:
    if df <= 0 or (error == 0 and estimate == 0):
        return 0.5
    return float(stats.t.sf(estimate / error, df)) if error > 0 else float(estimate < 0)


def _clipped(bounds: Bounds, share: bool) -> Bounds:
    return Bounds(max(bounds.low, -1.0), min(bounds.high, 1.0)) if share else bounds
