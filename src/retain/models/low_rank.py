"""A LoRA adapter that begins at factors other than zero and yet as its base: W + s (B A - B0 A0), with W untouched.

PiSSA, OLoRA, CorDA and orthogonal initialisation take the first factors B0 A0 from W itself. Their papers subtract
s B0 A0 from W, so that the adapter switched off is no longer the base. Here the subtraction belongs to the adapter: W
stays as it is, bit for bit, in any precision, and what is saved is a plain LoRA adapter of twice the rank.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from pathlib import Path
from typing import Any

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


class DownFromStart(nn.Linear):  # type: ignore[misc]
    """A and A0 side by side, (..., in) -> (..., 2 rank); only A is trained and part of the state."""

    start: torch.Tensor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Both projections of x."""
        return torch.cat([functional.linear(x, self.weight), functional.linear(x, self.start)], dim=-1)


class UpFromStart(nn.Linear):  # type: ignore[misc]
    """B z - B0 z0, (..., 2 rank) -> (..., out); exactly zero while B is B0 and A is A0."""

    start: torch.Tensor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """What was learned beyond the first factors."""
        now, then = x.chunk(2, dim=-1)
        return functional.linear(now, self.weight) - functional.linear(then, self.start)


def begin_here(module: Any) -> None:
    """Take the adapter's factors of this moment as the point where it adds nothing to its base."""
    for _, layer in lora_layers(module):
        for linear, kind in ((layer.lora_A[ADAPTER], DownFromStart), (layer.lora_B[ADAPTER], UpFromStart)):
            linear.register_buffer("start", linear.weight.detach().clone(), persistent=False)
            linear.__class__ = kind


def save_adapter(module: Any, folder: Path) -> None:
    """Save a PEFT model's adapter so that any tool can load it onto the untouched base.

    First factors that are subtracted become further rows of A and columns of B, with the rank doubled. How the adapter
    was initialised is not written: loading would compute it again for nothing.
    """
    from safetensors.torch import load_file, save_file

    module.save_pretrained(folder)
    config = copy(module.peft_config[ADAPTER])
    config.inference_mode = True
    config.init_lora_weights = True
    path = folder / "adapter_model.safetensors"
    if starts := _starts(module):
        config.r, config.lora_alpha = 2 * config.r, 2 * config.lora_alpha
        tensors = load_file(str(path))
        for name, start in starts.items():
            tensors[name] = torch.cat([tensors[name], start.to(tensors[name])], dim=int("lora_B" in name)).contiguous()
        save_file(tensors, str(path), metadata={"format": "pt"})
    config.save_pretrained(str(folder))


def read_adapter(module: Any, folder: Path) -> None:
    """Put the adapter that :func:`save_adapter` wrote into a model that carries one of the same shape.

    Raises:
        UserError: it is the adapter of another model.
    """
    from peft import set_peft_model_state_dict
    from safetensors.torch import load_file

    found = set_peft_model_state_dict(module, load_file(str(folder / "adapter_model.safetensors")), ADAPTER)
    if found.unexpected_keys or any(".lora_" in name for name in found.missing_keys):
        raise UserError(f"{folder} does not hold an adapter of this model")


def _starts(module: Any) -> dict[str, torch.Tensor]:
    """Name of a factor in the adapter's file -> what stands beside it there: A0, or -B0."""
    found = {}
    for name, layer in lora_layers(module):
        down, up = layer.lora_A[ADAPTER], layer.lora_B[ADAPTER]
        if isinstance(down, DownFromStart):
            found[f"{name}.lora_A.weight"], found[f"{name}.lora_B.weight"] = down.start, -up.start
    return found
