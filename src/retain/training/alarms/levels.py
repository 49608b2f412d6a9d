"""Levels of a loss with their standard errors, and whether one lies clearly above another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

Floats = NDArray[np.float64]

LEAST = 5
"""Values that a level is made of, at least."""
GAP = 0.2
"""Nats a token from which on a gap between two losses counts: an unseen token is then exp(-0.2) = 0.82 times as likely
as a trained one. Of 50 tokens, the length of the recitation test, that makes exp(10): the rest of a trained row is
22,000 times as likely as that of a row which is new. Smaller gaps are usual after a second epoch."""
SHARE = 0.01
"""One look errs in at most this share of cases in which there is nothing: four looks, as many as there are by default,
in at most 4%."""


@dataclass(frozen=True)
class Level:
    """A mean loss in nats a token."""

    value: float
    error: float
    """Its standard error."""
    freedom: float
    """Degrees of freedom of the error."""

    def __sub__(self, other: Level) -> Level:
        """The difference of two independent levels; degrees of freedom by Welch and Satterthwaite."""
        squares = [(one.error**2, one.freedom) for one in (self, other)]
        total = sum(square for square, _ in squares)
        parts = sum(square**2 / freedom for square, freedom in squares)
        return Level(self.value - other.value, math.sqrt(total), total**2 / parts if parts else math.inf)

    @property
    def in_errors(self) -> float:
        """How many standard errors it lies above 0."""
        return self.value / self.error if self.error else math.copysign(math.inf, self.value)

    def above_zero(self, share: float = SHARE) -> bool:
        """Whether it is clear of 0: at a true level of 0 this errs in at most ``share`` of cases (Student's t)."""
        return self.value > 0 and self.value >= float(stats.t.ppf(1 - share, self.freedom)) * self.error


NOTHING = Level(0.0, 0.0, math.inf)


def mean_level(losses: ArrayLike, weights: ArrayLike) -> Level | None:
    """The weighted mean, its error from the scatter; None for fewer than five values.

    Args:
        losses: (n,) nats a token.
        weights: (n,) how much each stands for, for example updates.
    """
    values, shares = np.asarray(losses, dtype=float), np.asarray(weights, dtype=float)
    if values.size < LEAST:
        return None
    shares = shares / shares.sum()
    mean = float(shares @ values)
    variance = float(shares @ (values - mean) ** 2) / (values.size - 1)
    return Level(mean, math.sqrt(variance), values.size - 1)


def line_level(places: Sequence[float], losses: ArrayLike, weights: ArrayLike) -> Level | None:
    """What a straight line through the values says at place 0; None for fewer than five values.

    Args:
        places: (n,) where each value lies, not all at one place.
        losses: (n,) nats a token.
        weights: (n,) how much each stands for.
    """
    x = np.asarray(places, dtype=float)
    return None if x.size < LEAST else _fitted(np.stack([np.ones_like(x), x], axis=1), losses, weights)[0]


def step_level(places: Sequence[float], values: ArrayLike, weights: ArrayLike) -> tuple[Level, Level] | None:
    """A step down at place 0 on top of a smooth curve, a cubic; None for fewer than five values on one side.

    Where neighbouring residuals agree the curve is no cubic, and the errors grow by sqrt((1 + r) / (1 - r)), r the
    residuals' correlation with their neighbours, as for a process that remembers its last value.

    Args:
        places: (n,) where each value lies, in ascending order.
        values: (n,) for example the logarithms of losses.
        weights: (n,) how much each stands for.

    Returns:
        The curve's value at place 0 before the step, and how far down the step goes.
    """
    x = np.asarray(places, dtype=float)
    if min(int((x < 0).sum()), int((x > 0).sum())) < LEAST:
        return None
    columns = [np.ones_like(x), -(x > 0).astype(float), x, x**2, x**3]
    before, step = _fitted(np.stack(columns, axis=1), values, weights)[:2]
    return before, step


def _fitted(columns: Floats, losses: ArrayLike, weights: ArrayLike) -> list[Level]:
    """Weighted least squares: each column's coefficient. Values are in the order of their places."""
    root = np.sqrt(np.asarray(weights, dtype=float))
    values, design = np.asarray(losses, dtype=float) * root, columns * root[:, None]
    inverse = np.linalg.pinv(design.T @ design)
    found = inverse @ design.T @ values
    freedom = values.size - columns.shape[1]
    residuals = values - design @ found
    errors = np.sqrt(float(residuals @ residuals) / freedom * np.diag(inverse)) * _agreement(residuals)
    return [Level(float(one), float(error), freedom) for one, error in zip(found, errors, strict=True)]


def _agreement(residuals: Floats) -> float:
    """sqrt((1 + r) / (1 - r)) of the correlation of neighbours, at least 1."""
    total = float(residuals @ residuals)
    shared = float(residuals[1:] @ residuals[:-1]) / total if total > 0 else 0.0
    return math.sqrt((1 + max(shared, 0.0)) / (1 - max(shared, 0.0)))


@dataclass(frozen=True)
class RowLosses:
    """The loss of some held-out rows at one moment of a training."""

    losses: tuple[float, ...]
    """Of each row, nats summed over its labelled tokens; at least two rows."""
    tokens: tuple[int, ...]
    """Labelled tokens of each row."""

    @property
    def level(self) -> Level:
        """Their mean loss a token."""
        return rows_level(self.losses, self.tokens)

    def change_since(self, earlier: RowLosses) -> Level:
        """How much it changed on the same rows, row by row: what makes rows differ falls out of the error."""
        return rows_level(np.subtract(self.losses, earlier.losses), self.tokens)


def rows_level(sums: ArrayLike, tokens: ArrayLike) -> Level:
    """The mean loss a token over some rows, its error from how rows differ (a ratio of sums).

    Args:
        sums: (n,) each row's summed loss; at least two rows.
        tokens: (n,) each row's labelled tokens.
    """
    losses, counts = np.asarray(sums, dtype=float), np.asarray(tokens, dtype=float)
    mean = float(losses.sum() / counts.sum())
    squares = float(((losses - mean * counts) ** 2).sum())
    rows = losses.size
    return Level(mean, math.sqrt(squares * rows / (rows - 1)) / float(counts.sum()), rows - 1)
