"""What a recipe can say about training on preference pairs."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from retain.settings import Settings

Loss = Literal[
    "sigmoid",
    "sigmoid_norm",
    "ipo",
    "hinge",
    "robust",
    "exo_pair",
    "nca_pair",
    "bco_pair",
    "sppo_hard",
    "apo_zero",
    "apo_down",
    "aot",
    "aot_unpaired",
    "discopop",
]
SMOOTHED = {"robust": 0.1, "exo_pair": 1e-3, "aot": 0.0, "aot_unpaired": 0.0}
"""Losses that read ``label_smoothing``, and what it is when empty: what their papers recommend."""


class PreferenceSettings(Settings):
    """How a model learns from pairs of a chosen and a rejected answer; the losses are TRL's.

    r is the sum over an answer's tokens of log p(tuned) - log p(base), in nats.
    """

    loss: Loss = "sigmoid"
    """``sigmoid``: -log sigmoid(beta (r_chosen - r_rejected)) (DPO, arXiv 2305.18290). ``sigmoid_norm``: the same with
    r per token. ``ipo``: squared distance of the difference per token from 1 / (2 beta) (arXiv 2310.12036); does not
    push on without end. ``hinge`` (SLiC). ``robust``: for labels that are wrong now and then (arXiv 2403.00409).
    ``apo_zero``, ``apo_down`` (arXiv 2408.06266), ``nca_pair``, ``bco_pair`` and ``sppo_hard`` look at each answer by
    itself. ``exo_pair``, ``aot``, ``aot_unpaired`` and ``discopop`` as TRL has them."""
    beta: float = Field(0.1, gt=0)
    """How strongly the base holds: the higher, the nearer the model stays. 0.01 to 0.5."""
    label_smoothing: float | None = Field(None, ge=0, lt=0.5)
    """``robust``, ``exo_pair``, ``aot``, ``aot_unpaired``: share of the pairs whose labels are taken to be the wrong
    way round; when empty 0.1, 0.001, 0 and 0."""
    nll: float = Field(0.0, ge=0)
    """Factor on the mean cross-entropy of the chosen answers' tokens, added to the loss: keeps their likelihood from
    falling with that of the rejected ones (arXiv 2404.19733). Customary: 0.2 to 1."""
    tail_weight: float = Field(1.0, ge=0, le=1)
    """Weight of an answer's tokens beyond the length that both answers have: below 1 the longer answer counts for less
    of its length (LD-DPO, arXiv 2409.06411)."""

    @model_validator(mode="after")
    def _read(self) -> PreferenceSettings:
        if self.label_smoothing is not None and self.loss not in SMOOTHED:
            raise ValueError(
                f"label_smoothing has no effect with loss: {self.loss} (it is for {', '.join(SMOOTHED)}); leave it out"
            )
        if self.loss == "exo_pair" and self.label_smoothing == 0:
            raise ValueError("label_smoothing: exo_pair needs more than 0; its paper recommends 0.001")
        return self

    @property
    def smoothing(self) -> float:
        """The label smoothing, or the loss's own where none is given."""
        return SMOOTHED.get(self.loss, 0.0) if self.label_smoothing is None else self.label_smoothing
