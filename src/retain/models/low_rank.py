"""A LoRA adapter that begins at factors other than zero and yet as its base: W + s (B A - B0 A0), with W untouched.

PiSSA, OLoRA, CorDA and orthogonal initialisation take the first factors B0 A0 from W itself. Their papers subtract
s B0 A0 from W, so that the adapter switched off is no longer the base. Here the subtraction belongs to the adapter: W
stays as it is, bit for bit, in any precision, and what is saved or merged is a plain LoRA adapter of twice the rank.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from pathlib import Path
from types import MethodType
from typing import Any, ClassVar

import torch
from torch import nn
from torch.nn import functional

from retain.errors import UserError

ADAPTER = "default"
"""Name of the adapter that is trained."""


def lora_layers(module: Any) -> Iterator[tuple[str, Any]]:
    """(name, layer) of every layer that carries the trained LoRA adapter."""
    for name, layer in module.named_modules():
        if ADAPTER in getattr(layer, "lora_A", ()):
            yield name, layer


def update_factors(layer: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """(A, B) with gradient, such that the layer's update is ``scaling * B @ A``: zero before the first step.

    Args:
        layer: one of :func:`lora_layers`; not DoRA, whose update is no product of two factors.

    Returns:
        A (k, in) and B (out, k); k is the rank, or twice the rank where the first factors are subtracted.
    """
    down, up = layer.lora_A[ADAPTER], layer.lora_B[ADAPTER]
    if not isinstance(down, DownFromStart):
        return down.weight, up.weight
    return torch.cat([down.weight, down.start]), torch.cat([up.weight, -up.start], dim=1)


class _FromStart(nn.Linear):
    """A factor that is trained beside the one it began as, which is taken off again.

    Its state is that of plain LoRA of twice the rank, both factors side by side, so that whatever saves the model saves
    what it answers. Loading takes both from there; a factor of the rank alone leaves the first one as it is.
    """

    start: torch.Tensor
    side: ClassVar[int]
    """The dimension along which they stand side by side."""
    sign: ClassVar[int]
    """Factor on the first one there."""

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        now = destination[f"{prefix}weight"]
        destination[f"{prefix}weight"] = torch.cat([now, self.sign * self.start.to(now)], dim=self.side)

    def _load_from_state_dict(self, state: dict[str, Any], prefix: str, *rest: Any) -> None:
        found = state.get(f"{prefix}weight")
        if found is not None and found.shape[self.side] == 2 * self.weight.shape[self.side]:
            now, then = found.chunk(2, dim=self.side)
            state[f"{prefix}weight"] = now
            self.start.copy_(self.sign * then)
        super()._load_from_state_dict(state, prefix, *rest)


class DownFromStart(_FromStart):
    """A and A0 side by side, (..., in) -> (..., 2 rank); only A is trained. Saved: (2 rank, in)."""

    side = 0
    sign = 1

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Both projections of x."""
        return torch.cat([functional.linear(x, self.weight), functional.linear(x, self.start)], dim=-1)


class UpFromStart(_FromStart):
    """B z - B0 z0, (..., 2 rank) -> (..., out); exactly zero while B is B0 and A is A0. Saved: (out, 2 rank)."""

    side = 1
    sign = -1

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """What was learned beyond the first factors."""
        now, then = x.chunk(2, dim=-1)
        return functional.linear(now, self.weight) - functional.linear(then, self.start)


def begin_here(module: Any) -> None:
    """Take the adapter's factors of this moment as the point where it adds nothing to its base.

    To everything that saves, loads or merges the adapter it is plain LoRA of twice the rank from now on.
    """
    for _, layer in lora_layers(module):
        for linear, kind in ((layer.lora_A[ADAPTER], DownFromStart), (layer.lora_B[ADAPTER], UpFromStart)):
            linear.register_buffer("start", linear.weight.detach().clone(), persistent=False)
            linear.__class__ = kind
        layer.r[ADAPTER], layer.lora_alpha[ADAPTER] = 2 * layer.r[ADAPTER], 2 * layer.lora_alpha[ADAPTER]
        layer.get_delta_weight = MethodType(_delta_weight, layer)
    config = module.peft_config[ADAPTER]
    config.r, config.lora_alpha = 2 * config.r, 2 * config.lora_alpha


def _delta_weight(layer: Any, adapter: str) -> torch.Tensor:
    """What merging adds to the layer's weight: PEFT's own would leave the first factors in."""
    if adapter != ADAPTER:
        delta: torch.Tensor = type(layer).get_delta_weight(layer, adapter)
        return delta
    down, up = update_factors(layer)
    delta = layer.scaling[ADAPTER] * up @ down
    return delta.T if getattr(layer, "fan_in_fan_out", False) else delta


def save_adapter(module: Any, folder: Path) -> None:
    """Save a PEFT model's adapter so that any tool can load it onto the untouched base.

    How the adapter was initialised is not written: loading would compute it again for nothing.
    """
    module.save_pretrained(folder)
    config = copy(module.peft_config[ADAPTER])
    config.inference_mode = True
    config.init_lora_weights = True
    config.save_pretrained(str(folder))


def read_adapter(module: Any, folder: Path) -> None:
    """Put the adapter that :func:`save_adapter` wrote into a model that carries one of the same shape.

    The model may be the one in training, or one that was loaded from such a folder.

    Raises:
        UserError: it is the adapter of another model.
    """
    from peft import set_peft_model_state_dict
    from safetensors.torch import load_file

    found = set_peft_model_state_dict(module, load_file(str(folder / "adapter_model.safetensors")), ADAPTER)
    if found.unexpected_keys or any(".lora_" in name for name in found.missing_keys):
        raise UserError(f"{folder} does not hold an adapter of this model")
