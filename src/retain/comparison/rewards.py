"""What a model came to prefer, against its base: the implicit reward of preference training."""

from __future__ import annotations

import numpy as np

from retain.comparison.clusters import cluster_index
from retain.comparison.intervals import Bounds
from retain.comparison.symptoms.judging import mean_bounds
from retain.records import Measurement, Rewards

LEAST_PAIRS = 2


def rewards_of(before: Measurement, after: Measurement) -> Rewards | None:
    """Reward accuracy and margin on the pairs that both measured; None where there are not two.

    The reward of an answer is log p(tuned) - log p(base), summed over its tokens, in nats and without DPO's factor beta
    (arXiv 2305.18290). A pair whose rewards are equal counts half: a model that is its base has an accuracy of 0.5.
    """
    ids = sorted(before.pairs.keys() & after.pairs.keys())
    if len(ids) < LEAST_PAIRS:
        return None
    old, new = (np.array([[one.pairs[i].chosen, one.pairs[i].rejected] for i in ids]) for one in (before, after))
    moved = new - old
    margins = moved[:, 0] - moved[:, 1]
    index = cluster_index(ids, {**after.clusters, **before.clusters})
    right = (1 + np.sign(margins)) / 2
    margin, share = mean_bounds(margins, index), _within(mean_bounds(right, index))
    return Rewards(
        probe=before.probe,
        capability=before.capability,
        pairs=len(ids),
        accuracy=float(right.mean()),
        accuracy_low=share.low,
        accuracy_high=share.high,
        margin=float(margins.mean()),
        margin_low=margin.low,
        margin_high=margin.high,
        chosen=float(moved[:, 0].mean()),
        rejected=float(moved[:, 1].mean()),
    )


def _within(bounds: Bounds) -> Bounds:
    return Bounds(max(0.0, bounds.low), min(1.0, bounds.high))
