"""Keep the weights near the base's."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from retain.mitigations.base import Mitigation, Penalty, Setup
from retain.mitigations.distance import distance_to_base
from retain.models.transformers_model import TransformersModel

WHOLE = "it reads the trained weights themselves, of which each process then has a part; use kl_to_base, or DDP"
"""Why a distance of weights does not go with weights that are dealt over processes."""
AFTERWARDS = (
    "without an adapter its gradient is added when a backward pass has ended, and DeepSpeed takes gradients while it "
    "runs; use kl_to_base, or train an adapter"
)
"""Why it does not go with an engine that takes gradients early."""


class L2ToBase(Mitigation):
    """Add (weight / 2) ||theta - theta0||^2, the squared distance from the base's weights (L2-SP, arXiv 1802.01483).

    Summed over all trained weights. With ``lora`` theta - theta0 is the update (alpha / rank) B A of each adapted
    layer, whose norm is computed from the factors' Gram matrices. Without an adapter the base's weights are
    memory-mapped from a file of the model's size in the run folder, which is removed at the end.

    Requirements: the base's weights or LoRA factors are trained; ``dora`` is refused, since its update is no product.

    Relations: it holds every weight alike; ``ewc`` holds those more that general text depends on. With ``lora``,
    ``training.weight_decay`` on the factors is nearly the same and free. Alone neither does much for language models:
    start with the learning rate and ``kl_to_base``.
    """

    kind: Literal["l2_to_base"] = "l2_to_base"
    weight: float = Field(0.1, gt=0)
    """Factor on half the squared distance; scan by factors of 3 from 0.01 to 1."""

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
        """Notes where the weights begin; see :func:`~retain.mitigations.distance.distance_to_base`."""
        return distance_to_base(model, setup, self.weight)


def no_product(recipe: Any) -> list[str]:
    """Why a recipe's adapter has no B A to measure a distance with, or nothing."""
    variants = [getattr(one, "variant", "") for one in recipe.mitigations if getattr(one, "kind", "") == "lora"]
    if "dora" not in variants:
        return []
    return ["lora.variant: dora also rescales the rows of the base's weights; use another variant, or kl_to_base"]
