"""Whether scores mean what they say: the share of relevant documents among those with a like score."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retain.records import Calibration, CalibrationBin

BINS = 10
DRAWS = 500
"""Resamples of queries for the interval."""
Values = NDArray[np.float64]


def calibration(scores: Sequence[float], relevant: Sequence[bool], queries: Sequence[int]) -> Calibration | None:
    """How far 1 / (1 + exp(-score)) is from the share of documents that are relevant; None without pairs.

    The error is the expected calibration error over ten bins of equally many pairs (Naeini et al. 2015, AAAI): the mean
    distance of a bin's probability from its share, each bin weighted by its pairs. Its interval is a 95% percentile
    bootstrap over queries, bins held. The Brier score is the mean squared distance of the probability from 0 or 1.
    Documents that nobody judged count as not relevant, so that it is comparable before and after, not in itself.

    Args:
        scores: logits, one for each ranked document.
        relevant: whether it was judged relevant.
        queries: the number of its query, from 0.
    """
    if not scores:
        return None
    logits = np.asarray(scores, dtype=float)
    small = np.exp(-np.abs(logits))
    probability = np.where(logits >= 0, 1.0, small) / (1 + small)
    labels = np.asarray(relevant, dtype=float)
    bins = _equal_bins(probability)
    low, high = _interval(probability, labels, bins, np.asarray(queries))
    held = [bins == number for number in range(int(bins.max()) + 1)]
    return Calibration(
        pairs=logits.size,
        relevant=float(labels.mean()),
        error=_error(np.bincount(bins, weights=probability - labels), labels.size),
        error_low=low,
        error_high=high,
        brier=float(((probability - labels) ** 2).mean()),
        bins=[
            CalibrationBin(
                pairs=int(one.sum()), predicted=float(probability[one].mean()), relevant=float(labels[one].mean())
            )
            for one in held
            if one.any()
        ],
    )


def _equal_bins(probability: Values) -> NDArray[np.int64]:
    """The bin of each pair; equal probabilities share one."""
    order = np.argsort(probability, kind="stable")
    place = np.empty(order.size, dtype=np.int64)
    place[order] = np.arange(order.size) * min(BINS, order.size) // order.size
    first = np.unique(probability, return_index=True, return_inverse=True)
    return place[first[1]][first[2]]


def _error(away: Any, pairs: int) -> float:
    """From each bin's sum of probability less label, and the number of all pairs."""
    return float(np.abs(away).sum() / pairs)


def _interval(
    probability: Values, labels: Values, bins: NDArray[np.int64], queries: NDArray[np.int64]
) -> tuple[float, float]:
    count, kinds = int(queries.max()) + 1, int(bins.max()) + 1
    away = np.zeros((count, kinds))
    np.add.at(away, (queries, bins), probability - labels)
    sizes = np.bincount(queries, minlength=count)
    rng = np.random.default_rng(0)
    picks = rng.integers(0, count, size=(DRAWS, count))
    drawn = [_error(away[one].sum(axis=0), int(sizes[one].sum())) for one in picks if sizes[one].sum()]
    low, high = np.quantile(drawn, (0.025, 0.975))
    return float(low), float(high)
