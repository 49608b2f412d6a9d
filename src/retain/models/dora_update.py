"""The strength of a DoRA adapter: its merged weights interpolated with the base's, exactly, and still DoRA."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from retain.models.layer_factors import PerLayer, layer_factors
from retain.models.low_rank import ADAPTER, lora_layers, read_adapter


class DoraUpdate:
    """A DoRA adapter (Liu et al. 2024, arXiv 2402.09353): W' = diag(c) (W + s B A), c = m / ||W + s B A|| by row.

    Scaling ``s`` alone would leave the magnitudes m as trained, and strength 0 would not be the base. Interpolated is
    W + t (W' - W) = diag(d) (W + s diag(t c / d) B A) with d = 1 - t + t c, which is DoRA again: B's rows are scaled by
    t c / d, and the magnitudes become d ||W + s B' A||.
    """

    def __init__(self, module: Any) -> None:
        self.module = module
        self._remember()

    def _remember(self) -> None:
        """The factors and magnitudes at strength 1: small beside the weights."""
        self._whole = {
            name: (up.weight.detach().clone(), magnitude.weight.detach().clone())
            for name, layer in lora_layers(self.module)
            for up, magnitude in [(layer.lora_B[ADAPTER], layer.lora_magnitude_vector[ADAPTER])]
        }

    def apply(self, strength: float, per_layer: PerLayer = "uniform") -> None:
        """Set every adapted layer to base + factor * (merged - base)."""
        factors = layer_factors(self.module, list(self._whole), strength, per_layer)
        with torch.no_grad():
            for name, layer in lora_layers(self.module):
                self._apply(layer, *self._whole[name], factors[name])

    def _apply(self, layer: Any, up: torch.Tensor, magnitude: torch.Tensor, strength: float) -> None:
        layer.lora_B[ADAPTER].weight.copy_(up)
        if strength == 1:
            layer.lora_magnitude_vector[ADAPTER].weight.copy_(magnitude)
            return
        ratio = magnitude.float() / _norms(layer)
        kept = 1 - strength + strength * ratio
        kept = torch.where(kept == 0, torch.finfo(kept.dtype).eps, kept)  # beyond 1 a row may vanish
        layer.lora_B[ADAPTER].weight.copy_((strength * ratio / kept)[:, None] * up)
        norms = _norms(layer)
        layer.lora_magnitude_vector[ADAPTER].weight.copy_(kept * norms if strength else norms)

    def restore(self, folder: Path) -> None:
        """Take the adapter that was saved in a folder as what was learned."""
        read_adapter(self.module, folder)
        self._remember()


def begin_at_base(module: Any) -> None:
    """Set the magnitudes of a fresh adapter to the rows' lengths as the forward pass computes them.

    PEFT computes them in the weights' precision, which in bf16 moves the model before its first step.
    """
    with torch.no_grad():
        for _, layer in lora_layers(module):
            layer.lora_magnitude_vector[ADAPTER].weight.copy_(_norms(layer))


def _norms(layer: Any) -> torch.Tensor:
    """||W + s B A|| of each row as the adapter itself computes it when it answers."""
    from peft.utils.integrations import dequantize_module_weight

    dora = layer.lora_magnitude_vector[ADAPTER]
    low_rank = dora.get_lora_weight(lora_A=layer.lora_A[ADAPTER], lora_B=layer.lora_B[ADAPTER])
    weight = dequantize_module_weight(layer.get_base_layer()).to(low_rank.dtype)
    norms: torch.Tensor = dora.get_weight_norm(weight=weight, lora_weight=low_rank, scaling=layer.scaling[ADAPTER])
    return norms
