"""A cheap meter of how far a model has moved from the base: for stopping and choosing, never the claim."""

from __future__ import annotations

import numpy as np

from retain.mitigations.base import GeneralSet, Setup
from retain.mitigations.kl_to_base import as_batch, divergence, store_base
from retain.models.causal import TransformersCausal
from retain.models.logits import labelled_logits
from retain.records import Record

STORED = 1024
"""Tokens of the base's distribution that are kept at each position; the rest is one bucket."""


class KlReading(Record):
    """KL(base || tuned) in nats per token over kept-back general rows."""

    mean: float
    percentile_95: float
    tokens: int


def read_kl_meter(model: TransformersCausal, general: GeneralSet, setup: Setup) -> KlReading:
    """Mean and 95th percentile of the per-token divergence on the rows that no mitigation has used."""
    import torch

    rows = [row for row in map(setup.encode, general.kept_back) if row is not None]
    stored = store_base(model, rows, STORED)
    found: list[float] = []
    with torch.no_grad():
        for row, (ids, base) in zip(rows, stored, strict=True):
            logits = labelled_logits(model.module, as_batch(row, model.module.device))
            device = logits.device
            found += divergence(logits, ids.to(device).long(), base.to(device)).tolist()
    if not found:
        return KlReading(mean=float("nan"), percentile_95=float("nan"), tokens=0)
    return KlReading(mean=float(np.mean(found)), percentile_95=float(np.percentile(found, 95)), tokens=len(found))
