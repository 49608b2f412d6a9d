"""A cheap meter of how far a model has moved from its base: for stopping and choosing, never the claim."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from retain import processes
from retain.comparison.bootstrap import cluster_bootstrap
from retain.comparison.intervals import Bounds, Floats
from retain.data.encoding import IGNORED, Encoded
from retain.mitigations.distributions import Stored, as_batch, divergence
from retain.models.causal import TransformersCausal
from retain.models.logits import labelled_logits
from retain.records import KlReading

if TYPE_CHECKING:
    import torch

TOP_K = 256
"""Tokens of the base's distribution that are kept at each position where the base cannot be asked again."""
MOST_TOKENS = 20_000
"""Labelled tokens that are read in one place; the rows that come after are left out."""
MOST_ROWS = 250
"""Rows that are read in one place. Of 400 short ones the mean's 95% interval was 17% of it wide: 250 are enough."""
PERCENTILE = 0.95
DRAWS = 1000
"""Resamples of rows for the interval of the percentile."""
Moved = tuple[Floats, Floats]
"""Of one row: KL(base || tuned) in nats, and 1 where both models' most likely token is the same; (positions,) each."""


def first_rows(rows: Sequence[Encoded | None], most: int = MOST_TOKENS) -> list[Encoded]:
    """The first rows that together have at most ``most`` labelled tokens: at least one row, at most ``MOST_ROWS``."""
    found: list[Encoded] = []
    tokens = 0
    for row in rows:
        if row is None:
            continue
        tokens += sum(label != IGNORED for label in row.labels[1:])
        if found and (tokens > most or len(found) == MOST_ROWS):
            break
        found.append(row)
    return found


def moved_from_base(model: TransformersCausal, rows: Sequence[Encoded]) -> list[Moved]:
    """Compare a model with itself as its base (``as_base``), over the whole vocabulary."""
    return processes.split(rows, lambda part: _moved_from_base(model, part))


def _moved_from_base(model: TransformersCausal, rows: Sequence[Encoded]) -> list[Moved]:
    import torch

    found = []
    model.module.eval()
    with torch.no_grad():
        for done, row in enumerate(rows, 1):
            batch = as_batch(row, model.module.device)
            with model.as_base():
                base = labelled_logits(model.module, batch).log_softmax(-1)
            ids = torch.arange(base.shape[-1], device=base.device).expand_as(base)
            logits = labelled_logits(model.module, batch)
            found.append(_moved(divergence(logits, ids, base), same_top(logits, ids, base)))
            _tick(model, done, len(rows))
    return found


def moved_from_stored(model: TransformersCausal, rows: Sequence[Encoded], stored: Stored) -> list[Moved]:
    """Compare a model with its base's stored distributions of the same rows (``store_base``).

    Over the stored tokens and one bucket for the rest: a lower bound of the divergence over the whole vocabulary, and
    equal to it where every token was stored.
    """
    assert len(rows) == len(stored)
    return processes.split(range(len(rows)), lambda part: _moved_from_stored(model, rows, stored, part))


def _moved_from_stored(
    model: TransformersCausal, rows: Sequence[Encoded], stored: Stored, places: Sequence[int]
) -> list[Moved]:
    import torch

    found = []
    model.module.eval()
    with torch.no_grad():
        for done, place in enumerate(places, 1):
            logits = labelled_logits(model.module, as_batch(rows[place], model.module.device))
            ids, base = (one.to(logits.device) for one in stored[place])
            ids = ids.long()
            found.append(_moved(divergence(logits, ids, base), same_top(logits, ids, base)))
            _tick(model, done, len(places))
    return found


def same_top(logits: torch.Tensor, ids: torch.Tensor, base: torch.Tensor) -> torch.Tensor:
    """Where both models hold the same token for the most likely one, (positions,).

    In bf16 several tokens often share the highest logit, and which of them comes first is chance: it counts that one
    token is among the highest of both.
    """
    highest = base == base.max(dim=-1, keepdim=True).values
    return (highest & (logits.gather(-1, ids) == logits.max(dim=-1, keepdim=True).values)).any(-1)


def kl_reading(where: Literal["task", "general"], name: str, moved: Sequence[Moved], top_k: int | None) -> KlReading:
    """Mean, 95th percentile and top-1 agreement over all tokens, each with a 95% interval from resampled rows.

    Args:
        where: on task rows or on general text.
        name: which rows, for people.
        moved: one entry for each row, at least one row with at least one token.
        top_k: tokens of the base's distribution that were stored; None for the whole vocabulary.
    """
    kl = np.concatenate([row[0] for row in moved])
    same = np.concatenate([row[1] for row in moved])
    index = np.repeat(np.arange(len(moved)), [len(row[0]) for row in moved])
    mean, agreement = (_mean_bounds(values, index) for values in (kl, same))
    tail = _percentile_bounds(kl, index)
    return KlReading(
        where=where,
        name=name,
        rows=len(moved),
        tokens=len(kl),
        mean=float(kl.mean()),
        mean_low=mean.low if mean else None,
        mean_high=mean.high if mean else None,
        percentile_95=float(np.percentile(kl, 100 * PERCENTILE)),
        percentile_95_low=tail.low if tail else None,
        percentile_95_high=tail.high if tail else None,
        agreement=float(same.mean()),
        agreement_low=agreement.low if agreement else None,
        agreement_high=agreement.high if agreement else None,
        top_k=top_k,
    )


def _moved(kl: torch.Tensor, same: torch.Tensor) -> Moved:
    return np.asarray(kl.double().cpu()), np.asarray(same.double().cpu())


def _tick(model: TransformersCausal, done: int, total: int) -> None:
    if model.progress is not None:
        model.progress("rows compared with the base", done, total)


def _mean_bounds(values: Floats, index: np.ndarray) -> Bounds | None:
    """The interval of a mean over tokens, rows resampled; None for a single row."""
    if index[-1] == 0:
        return None
    return cluster_bootstrap(values, np.ones_like(values), index)[0]


def _percentile_bounds(values: Floats, index: np.ndarray) -> Bounds | None:
    """Percentile bootstrap of the 95th percentile over tokens, rows resampled; None for a single row."""
    rows = int(index[-1]) + 1
    if rows == 1:
        return None
    order = np.argsort(values)
    ordered, owner = values[order], index[order]
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(DRAWS):
        weight = np.bincount(rng.integers(0, rows, rows), minlength=rows)[owner].cumsum()
        drawn.append(ordered[np.searchsorted(weight, PERCENTILE * weight[-1])])
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Bounds(float(low), float(high))
