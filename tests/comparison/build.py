"""Measurements and changes made of plain numbers."""

from __future__ import annotations

import numpy as np

from retain.records import Change, Comparison, Measurement


def measurement(probe="facts", scores=(), **values):
    """``scores``: item id -> score, or a sequence whose items are called i0, i1, ... after the probe."""
    if not isinstance(scores, dict):
        scores = {f"{probe}-i{i}": float(score) for i, score in enumerate(scores)}
    defaults = {
        "probe": probe,
        "capability": probe,
        "metric": "exact match",
        "value": float(np.mean(list(scores.values()))) if scores else 0.0,
        "higher_is_better": True,
        "unit": "share",
        "split": "test",
        "scores": scores,
        "model": "fingerprint",
    }
    return Measurement(**{**defaults, **values})


def bits(probe="text", scores=(), **values):
    return measurement(
        probe,
        scores,
        **{"unit": "bits per byte", "metric": "bits per byte", "higher_is_better": False, **values},
    )


def table(lost=0, won=0, both=0, neither=0, probe="facts", **values):
    """Before and after of a probe with this 2x2 table."""
    before = [1] * lost + [0] * won + [1] * both + [0] * neither
    after = [0] * lost + [1] * won + [1] * both + [0] * neither
    return measurement(probe, before, **values), measurement(probe, after, **{"model": "tuned", **values})


def change(probe="facts", loss=0.0, loss_low=-1.0, loss_high=1.0, **values):
    """A change with these numbers; the two-sided interval is a little wider than the bounds."""
    defaults = {
        "probe": probe,
        "capability": probe,
        "metric": "exact match",
        "unit": "points",
        "generates": False,
        "before": 60.0,
        "after": 60.0 - loss,
        "delta": -loss,
        "low": -loss_high - 0.2,
        "high": -loss_low + 0.2,
        "loss_low": loss_low,
        "loss_high": loss_high,
        "items": 400,
        "effective_items": 400.0,
        "won": 10,
        "lost": 10,
        "binary": True,
        "variance": 500.0,
        "p_loss": 0.5,
    }
    return Change(**{**defaults, **values})


def comparison(losses=(), gains=(), pooled=None):
    return Comparison(base="base", tuned="tuned", gains=list(gains), losses=list(losses), pooled=pooled)
