"""Keep those weights near the base's that general text depends on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field

from retain.errors import BrokenError
from retain.mitigations.base import Mitigation, Penalty, Setup
from retain.mitigations.distance import distance_to_base
from retain.mitigations.distributions import encoded_rows
from retain.mitigations.fisher import MAX_TOKENS, Row, Targets, diagonal_fisher
from retain.mitigations.general_groups import RankingSetup, general_groups
from retain.mitigations.l2_to_base import AFTERWARDS, WHOLE, no_product
from retain.models.transformers_model import TransformersModel

GROUP = 16
"""Candidates of a general query, of rerankers."""


class Ewc(Mitigation):
    """Add (weight / 2) sum_i F_i / mean(F) (theta_i - theta0_i)^2, F the diagonal Fisher on general text.

    Elastic weight consolidation (arXiv 1612.00796). F is divided by its mean over the weights, so that ``weight`` means
    what it means in ``l2_to_base`` and carries over between models: the mean of F falls with the size of a model.

    A sample is a row of general text: x its given tokens, y its labelled ones. F is the mean over rows of the squared
    gradient of log p(y|x), in the base, over the mean number of a row's labelled tokens: per token and in nats, so that
    to second order F alone is the diagonal's part of the mean divergence that ``kl_to_base`` measures. With
    ``fisher: sampled`` each labelled token is drawn anew from the model's own distribution at its place. Draws of
    different places have no gradient in common on average, so that a row's squared gradient is, on average, the sum of
    its tokens'. ``fisher: empirical`` takes the given tokens, whose gradients do not average out.

    Of rerankers a sample is a general query with its candidates (at most 16), y the document that comes first, and p
    the softmax of their scores.

    With ``lora`` theta - theta0 is the update (alpha / rank) B A and F belongs to the weight under it (EWC-LoRA, ICLR
    2026). F is computed once for a base, its rows and settings, and kept in bf16 (2 bytes a weight) for later runs; it
    takes a forward and a backward pass a row, and while it is computed 4 bytes a weight in memory.

    Requirements: as ``l2_to_base``. 4-bit weights have no gradient: there F comes from the layers' inputs and the
    gradients of their outputs.

    Relations: with F = 1 it is ``l2_to_base``. The diagonal leaves out that weights move together, and sees little of
    what an update does. ``kl_to_base`` measures all of it, at the cost of general text in each step. In the ablation
    a weight of 0.37 kept 90% of the gain and lost 28 points where plain fine-tuning lost 45, the best of the three
    distances tried, and ``kl_to_base`` 2 to 8 (benchmarks/ablation).
    """

    kind: Literal["ewc"] = "ewc"
    weight: float = Field(0.3, gt=0)
    """Factor on the penalty; scan by factors of 3 from 0.03 to 3. The report says what mean F was divided by."""
    rows: int = Field(128, ge=1)
    """General rows from which F is computed, the set's first ones."""
    general: str | None = None
    """Name of the general set; the first one when empty."""
    fisher: Targets = "sampled"
    """Tokens whose gradients are squared: drawn from the model (the Fisher information), or the given ones."""

    def conflicts(self, recipe: Any) -> list[str]:
        """Adapters whose update is no product."""
        return no_product(recipe)

    def not_dealt(self, adapter: bool) -> str:
        """Weights in parts have no distance."""
        return WHOLE

    def not_with_own_gradients(self, adapter: bool) -> str:
        """Without an adapter the gradient comes after the pass."""
        return "" if adapter else AFTERWARDS

    def penalty(self, model: TransformersModel, setup: Setup) -> Penalty | None:
        """Computes F, or finds it in the store, then pulls on each weight by it.

        Raises:
            BrokenError: F is zero for every weight.
        """
        name = setup.general_set(self.general).name
        rows: Sequence[Row]
        if isinstance(setup, RankingSetup):
            rows = general_groups(setup, name, GROUP)[: self.rows]
        else:
            rows = encoded_rows(setup, name)[: self.rows]
        if len(rows) < self.rows:
            setup.note(
                f'ewc: F is from {len(rows)} rows, all that the general set "{name}" has; {self.rows} were asked'
            )
        longest = setup.max_tokens if isinstance(setup, RankingSetup) else MAX_TOKENS
        importance, mean = diagonal_fisher(model, setup.base.fingerprint, rows, self.fisher, longest)
        if mean == 0:
            raise BrokenError(
                "mitigations.ewc: F is zero for every weight; is the general text empty, or the base broken?"
            )
        setup.note(f"ewc: F is divided by its mean over the weights, {mean:.3g}")
        return distance_to_base(model, setup, self.weight / mean, importance)
