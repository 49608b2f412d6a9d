"""What training learned, and the factor on it: strength 1 is all of it, 0 is the base."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from retain.folder import disk_errors


class Update(Protocol):
    """A learned update that can be scaled in place."""

    def apply(self, strength: float) -> None:
        """Set the model to base + strength * update."""
        ...


class AdapterUpdate:
    """A LoRA adapter: strength multiplies its scaling, and a saved adapter carries it in ``lora_alpha``."""

    def __init__(self, module: Any, adapter: str = "default") -> None:
        self.module = module
        self.adapter = adapter
        self._layers = [layer for layer in module.modules() if _scales(layer, adapter)]
        self._scaling = [layer.scaling[adapter] for layer in self._layers]
        self._alpha = module.peft_config[adapter].lora_alpha

    def apply(self, strength: float) -> None:
        """Scale every adapted layer."""
        for layer, scaling in zip(self._layers, self._scaling, strict=True):
            layer.scaling[self.adapter] = scaling * strength
        self.module.peft_config[self.adapter].lora_alpha = self._alpha * strength


def _scales(layer: Any, adapter: str) -> bool:
    """Attention layers have a ``scaling`` of their own, which is a number."""
    scaling = getattr(layer, "scaling", None)
    return isinstance(scaling, dict) and adapter in scaling


class WeightUpdate:
    """A full fine-tune: base + strength * (trained - base), computed in fp32 (WiSE-FT, Wortsman et al. 2022).

    Both ends are memory-mapped safetensors, so that no second model is in memory.
    """

    def __init__(self, module: Any, base: Path, trained: Path) -> None:
        self.module = module
        self.base = base
        self.trained = trained
        self.strength = 1.0

    def apply(self, strength: float) -> None:
        """Write the interpolated weights into the model, in the model's own precision."""
        import torch
        from safetensors import safe_open

        with (
            torch.no_grad(),
            safe_open(str(self.base), framework="pt") as base,
            safe_open(str(self.trained), framework="pt") as trained,
        ):
            for name, parameter in self.module.named_parameters():
                start, end = base.get_tensor(name).float(), trained.get_tensor(name).float()
                parameter.copy_(torch.lerp(start, end, strength))
        self.strength = strength

    @contextmanager
    def as_base(self) -> Iterator[None]:
        """Within it, the base's weights are in place."""
        strength = self.strength
        self.apply(0.0)
        try:
            yield
        finally:
            self.apply(strength)


def save_weights(module: Any, path: Path) -> None:
    """A module's parameters as one safetensors file (tied ones once), atomically."""
    from safetensors.torch import save_file

    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        making = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        try:
            tensors = {name: p.detach().cpu().contiguous() for name, p in module.named_parameters()}
            save_file(tensors, str(making))
            os.replace(making, path)
        finally:
            making.unlink(missing_ok=True)
