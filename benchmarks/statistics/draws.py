"""Random data whose truth is known: flips, scores and suites, plain or with items that share a passage."""

from __future__ import annotations

import numpy as np
from scipy import stats

from retain.comparison.paired import Paired
from retain.records import Measurement

PASSAGE = 5
"""Items that share a passage in the clustered simulations."""


def uniforms(rng: np.random.Generator, draws: int, items: int, shared: float, size: int = PASSAGE) -> np.ndarray:
    """(draws, items) uniform numbers; those of a passage correlate by ``shared`` (a normal random effect each)."""
    own = rng.standard_normal((draws, items))
    if shared == 0:
        return stats.norm.cdf(own)
    passage = np.repeat(rng.standard_normal((draws, items // size)), size, axis=1)
    return stats.norm.cdf(np.sqrt(shared) * passage + np.sqrt(1 - shared) * own)


def flips(rng: np.random.Generator, draws: int, items: int, psi: float, loss: float, shared: float = 0.0) -> np.ndarray:
    """(draws, items) losses of 1, 0 or -1: a share ``psi`` flips, their mean is ``loss``."""
    u = uniforms(rng, draws, items, shared)
    return (u < (psi + loss) / 2) * 1.0 - (u > 1 - (psi - loss) / 2) * 1.0


def scores(rng: np.random.Generator, draws: int, items: int, loss: float, kind: str, shared: float = 0.0) -> np.ndarray:
    """(draws, items) losses of scores between 0 and 1, with mean ``loss``.

    ``even``: normal, standard deviation 0.15. ``skewed``: three items in ten lose an exponential amount with
    mean 0.1, the others nothing (and all are moved so that the mean is right).
    """
    u = uniforms(rng, draws, items, shared)
    if kind == "even":
        return loss + 0.15 * stats.norm.ppf(u)
    fallen = np.where(u < 0.3, rng.exponential(0.1, u.shape), 0.0)
    return fallen - 0.03 + loss


def index_of(items: int, clustered: bool) -> np.ndarray:
    """(items,) the passage of each item, or each item alone."""
    return np.repeat(np.arange(items // PASSAGE), PASSAGE) if clustered else np.arange(items)


def pair_of_flips(loss: np.ndarray, index: np.ndarray) -> Paired:
    """Scores of 0 and 1 with these losses."""
    return Paired((loss > 0) * 1.0, (loss < 0) * 1.0, index, True, True, 0, frozenset())


def pair_of_scores(loss: np.ndarray, index: np.ndarray) -> Paired:
    """Shares with these losses, around one half."""
    return Paired(np.full(loss.size, 0.5), 0.5 - loss, index, True, True, 0, frozenset())


def measurement(values: np.ndarray, model: str = "") -> Measurement:
    """The scores of one model, one for each item; not validated, since simulations make thousands."""
    return Measurement.model_construct(
        probe="task",
        capability="task",
        metric="exact match",
        value=float(values.mean()),
        higher_is_better=True,
        unit="share",
        split="test",
        scores={f"i{i:04d}": score for i, score in enumerate(values.tolist())},
        clusters={},
        settings={},
        model=model,
    )
