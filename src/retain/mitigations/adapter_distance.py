"""How far a LoRA adapter moves the weights it stands on: (weight / 2) sum_i F_i U_i^2 with the update U = s B A."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import torch

from retain.errors import UserError
from retain.mitigations.base import Penalty, Step
from retain.models.low_rank import ADAPTER, DownFromStart, lora_layers, update_factors
from retain.models.update import whole_parts


def adapter_distance(module: Any, weight: float, importance: Mapping[str, torch.Tensor] | None) -> Penalty:
    """The penalty on the product of the factors, not on the factors, which are not unique (EWC-LoRA, ICLR 2026).

    Parts that are trained as a whole beside the adapter, such as a reranker's head, add (weight / 2) sum_i F_i d_i^2
    with d their distance from the base's.

    With F the product of one layer at a time is computed, in the precision of the forward pass around it; without F
    none is. Memory: one layer's product, and gradients of the factors' size.

    Args:
        module: a PEFT model with a LoRA adapter.
        weight: factor on the penalty.
        importance: F by the name of an adapted layer, (out, in) each, and of a weight of such a part; 1 everywhere when
            None.

    Raises:
        UserError: something else than the factors of a product is trained.
    """
    check_products(module)
    layers = list(lora_layers(module))
    whole = list(whole_parts(module))

    def penalty(step: Step) -> torch.Tensor:
        device = _device(module)
        precision = _precision(device)
        with torch.autocast(device.type, enabled=False):
            parts = [_moved(own, base, None if importance is None else importance[name]) for name, own, base in whole]
            if importance is None:
                parts.append(squared_norms([layer for _, layer in layers]))
            else:
                parts += [_weighted(layer, importance[name], precision) for name, layer in layers]
            return weight / 2 * torch.stack([part.to(parts[0].device) for part in parts]).sum()

    return penalty


def _moved(own: torch.Tensor, base: torch.Tensor, importance: torch.Tensor | None) -> torch.Tensor:
    away = (own.float() - base.float()) ** 2
    return away.sum() if importance is None else (away * importance.to(away)).sum()


def check_products(module: Any) -> None:
    """Refuse what is no product of two trained factors on a linear layer, nor a part that is trained as a whole.

    Raises:
        UserError: says which weights.
    """
    layers = dict(lora_layers(module))
    for name, layer in layers.items():
        if is_experts(layer):
            raise UserError(
                f"mitigations: the adapter of {name} stands on experts in one tensor, whose update is no product B A. "
                "Leave target_parameters out of the adapter's configuration, or use kl_to_base."
            )
        if len(getattr(layer, "lora_magnitude_vector", ())):
            raise UserError(
                f"mitigations: {name} carries a DoRA adapter, which also rescales the rows of the base's weight: its "
                "update is no product B A. Use another lora.variant, or kl_to_base."
            )
    known = {id(p) for one in layers.values() for f in (one.lora_A, one.lora_B) for p in f[ADAPTER].parameters()}
    known |= {id(own) for _, own, _ in whole_parts(module)}
    others = [name for name, p in module.named_parameters() if p.requires_grad and id(p) not in known]
    if others or not layers:
        found = others[0] if others else "no LoRA layer"
        raise UserError(
            "mitigations: the distance from the base is known for LoRA adapters on linear layers, and for weights "
            f"trained without an adapter; found {found}. Use kl_to_base instead."
        )


def is_experts(layer: Any) -> bool:
    """Whether an adapter's layer stands on a tensor (PEFT's ``target_parameters``) and not on a linear layer."""
    return hasattr(layer, "parameter_name")


def squared_norms(layers: list[Any]) -> torch.Tensor:
    """The sum of ||s B A||^2 over layers without any B A: tr((B'B)(A A')), all layers of one shape at a time."""
    alike: dict[Any, list[tuple[torch.Tensor, torch.Tensor, float]]] = defaultdict(list)
    for layer in layers:
        down, up = stable_factors(layer)
        alike[down.shape, up.shape, down.device].append((down, up, float(layer.scaling[ADAPTER])))
    return sum((_squared_norm(group) for group in alike.values()), start=torch.zeros(()))


def _squared_norm(group: list[tuple[torch.Tensor, torch.Tensor, float]]) -> torch.Tensor:
    down = torch.stack([down.float() for down, _, _ in group])
    up = torch.stack([scaling * up.float() for _, up, scaling in group])
    found: torch.Tensor = ((up.mT @ up) * (down @ down.mT)).sum()
    return found


def stable_factors(layer: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """(A, B) of a layer's update such that nothing large is subtracted while the update is small.

    Where first factors are taken off, B A - B0 A0 = (B - B0) A + B0 (A - A0).
    """
    down, up = layer.lora_A[ADAPTER], layer.lora_B[ADAPTER]
    if not isinstance(down, DownFromStart):
        return update_factors(layer)
    return torch.cat([down.weight, down.weight - down.start]), torch.cat([up.weight - up.start, up.start], dim=1)


def _weighted(layer: Any, importance: torch.Tensor, precision: torch.dtype) -> torch.Tensor:
    down, up = stable_factors(layer)
    scaling = float(layer.scaling[ADAPTER])
    value: torch.Tensor = _WeightedProduct.apply(down, up, importance, scaling, precision)
    return value


class _WeightedProduct(torch.autograd.Function):
    """sum F (s B A)^2 of one layer. The product lives for one call: the gradients are made on the way."""

    @staticmethod
    def forward(
        ctx: Any, down: torch.Tensor, up: torch.Tensor, importance: torch.Tensor, scaling: float, precision: torch.dtype
    ) -> torch.Tensor:
        low, high = down.to(precision), up.to(precision)
        weighted = (high @ low).mul_(importance.to(low.device))
        of_up, of_down = (weighted @ low.mT).float(), (high.mT @ weighted).float()
        ctx.save_for_backward(2 * scaling**2 * of_down, 2 * scaling**2 * of_up)
        return scaling**2 * (of_up * up).sum()  # sum_ij B_ik (F (B A))_ij A_kj

    @staticmethod
    def backward(ctx: Any, upstream: torch.Tensor) -> tuple[Any, ...]:
        of_down, of_up = ctx.saved_tensors
        return upstream * of_down, upstream * of_up, None, None, None


def _precision(device: torch.device) -> torch.dtype:
    """bf16 where the surrounding forward pass computes in it, as training does but for ``load_in: fp32``; else fp32."""
    lower = torch.is_autocast_enabled(device.type) and torch.get_autocast_dtype(device.type) == torch.bfloat16
    return torch.bfloat16 if lower else torch.float32


def _device(module: Any) -> torch.device:
    found: Iterator[torch.nn.Parameter] = module.parameters()
    return next(found).device
