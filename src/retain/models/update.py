"""What training learned, and the factor on it: strength 1 is all of it, 0 is the base."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from retain.errors import UserError
from retain.folder import whole_file
from retain.models.layer_factors import PerLayer, layer_factors
from retain.models.low_rank import read_adapter

WEIGHTS = "trained.safetensors"
"""Name of the file that holds all weights after full fine-tuning."""
BASE_WEIGHTS = "base.safetensors"
"""Name of the file that holds the weights before it."""


class Update(Protocol):
    """A learned update that can be scaled in place."""

    def apply(self, strength: float, per_layer: PerLayer = "uniform") -> None:
        """Set the model to base + factor * update, the factor as :func:`layer_factors` gives it."""
        ...

    def restore(self, folder: Path) -> None:
        """Take the update that was saved in a folder (``save_update``) for the learned one, at strength 1."""
        ...


def adapter_update(module: Any) -> Update:
    """The update of a PEFT model that carries a LoRA or a DoRA adapter."""
    from retain.models.dora_update import DoraUpdate

    if getattr(module.peft_config["default"], "use_dora", False):
        return DoraUpdate(module)
    return AdapterUpdate(module)


class AdapterUpdate:
    """A LoRA adapter: strength multiplies its scaling, and a saved adapter carries it in ``lora_alpha``.

    Where layers have their own factors, it carries them in ``alpha_pattern``, by the layers' names; one that is there
    already is scaled too. Parts that were trained as a whole beside it, such as a reranker's head, are interpolated
    with the base's.
    """

    def __init__(self, module: Any, adapter: str = "default") -> None:
        self.module = module
        self.adapter = adapter
        self._layers = [(name, layer) for name, layer in module.named_modules() if _scales(layer, adapter)]
        self._scaling = [layer.scaling[adapter] for _, layer in self._layers]
        config = module.peft_config[adapter]
        self._alpha = config.lora_alpha
        self._pattern = dict(config.alpha_pattern or {})
        self._remember_parts()

    def _remember_parts(self) -> None:
        """Note what was learned of the parts that were trained as a whole."""
        self._parts = [(own, base, own.detach().clone()) for _, own, base in whole_parts(self.module, self.adapter)]

    def apply(self, strength: float, per_layer: PerLayer = "uniform") -> None:
        """Scale every adapted layer."""
        factors = layer_factors(self.module, [name for name, _ in self._layers], strength, per_layer)
        for (name, layer), scaling in zip(self._layers, self._scaling, strict=True):
            layer.scaling[self.adapter] = scaling * factors[name]
        for own, base, learned in self._parts:
            own.data.copy_(base.data.float().lerp(learned.float(), strength))
        config = self.module.peft_config[self.adapter]
        config.lora_alpha = self._alpha * strength
        config.alpha_pattern = (
            {name: alpha * strength for name, alpha in self._pattern.items()}
            if per_layer == "uniform"
            else {
                re.escape(name.removeprefix("base_model.model.")): layer.lora_alpha[self.adapter] * factors[name]
                for name, layer in self._layers
            }
        )

    def restore(self, folder: Path) -> None:
        """Read another adapter of the same shape."""
        read_adapter(self.module, folder)
        self._remember_parts()
        self.apply(1.0)


def whole_parts(module: Any, adapter: str = "default") -> Iterator[tuple[str, Any, Any]]:
    """(name, trained weight, the base's) of all that a PEFT model trains as a whole (``modules_to_save``)."""
    from peft.utils import ModulesToSaveWrapper

    for place, part in module.named_modules():
        if isinstance(part, ModulesToSaveWrapper) and adapter in part.modules_to_save:
            base = dict(part.original_module.named_parameters())
            for name, weight in part.modules_to_save[adapter].named_parameters():
                yield f"{place}.{name}", weight, base[name]


def check_scalable(module: Any) -> None:
    """Refuse an adapter whose strength would leave some of what is trained as it is.

    Raises:
        UserError: something else than LoRA factors is trained.
    """
    dora = getattr(module.peft_config["default"], "use_dora", False)
    factors = (".lora_A.", ".lora_B.", ".lora_magnitude_vector.") if dora else (".lora_",)
    trained = [name for name, parameter in module.named_parameters() if parameter.requires_grad]
    others = [name for name in trained if not any(factor in name for factor in factors)]
    if others:
        raise UserError(
            f"mitigations.strength: it scales LoRA factors, and {others[0]} is trained too ({len(others)} such "
            "weights). Leave modules_to_save, bias and trainable_token_indices out of the adapter's configuration, or "
            "use early_stop instead of strength."
        )


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
        self._applied: tuple[float, PerLayer] = (1.0, "uniform")

    def apply(self, strength: float, per_layer: PerLayer = "uniform") -> None:
        """Write the interpolated weights into the model, in the model's own precision."""
        import torch
        from safetensors import safe_open

        with (
            torch.no_grad(),
            safe_open(str(self.base), framework="pt") as base,
            safe_open(str(self.trained), framework="pt") as trained,
        ):
            parameters = dict(self.module.named_parameters())
            factors = layer_factors(self.module, list(parameters), strength, per_layer)
            for name, parameter in parameters.items():
                start, end = base.get_tensor(name).float(), trained.get_tensor(name).float()
                parameter.copy_(torch.lerp(start, end, factors[name]))
        self._applied = (strength, per_layer)

    def restore(self, folder: Path) -> None:
        """Take other trained weights for the end of the interpolation."""
        self.trained = folder / WEIGHTS
        self.apply(1.0)

    @contextmanager
    def as_base(self) -> Iterator[None]:
        """Within it, the base's weights are in place."""
        applied = self._applied
        self.apply(0.0)
        try:
            yield
        finally:
            self.apply(*applied)


def save_weights(module: Any, path: Path) -> None:
    """A module's parameters as one safetensors file (tied ones once), atomically."""
    from safetensors.torch import save_file

    with whole_file(path) as making:
        save_file({name: p.detach().cpu().contiguous() for name, p in module.named_parameters()}, str(making))


def read_weights(module: Any, path: Path) -> None:
    """Put the weights that :func:`save_weights` wrote into a module of the same shape."""
    import torch
    from safetensors import safe_open

    with torch.no_grad(), safe_open(str(path), framework="pt") as file:
        for name, parameter in module.named_parameters():
            parameter.copy_(file.get_tensor(name))
