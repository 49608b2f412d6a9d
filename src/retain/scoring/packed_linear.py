"""Linear layers in fp32 on a CPU: by oneDNN on weights packed for it, where torch's own way leaves half of it idle."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from retain.scoring.room import SHARE, free_memory


def can_pack(module: Any) -> bool:
    """Whether a model's linear layers can be computed so: in fp32, on a CPU with AVX-512, with room for their weights.

    torch multiplies fp32 matrices with MKL, which uses AVX-512 on Intel's processors only; oneDNN, which torch brings
    too, uses it on all (measured: docs/LOG.md).
    """
    if module.device.type != "cpu" or module.dtype != torch.float32 or not torch.backends.mkldnn.is_available():
        return False
    if torch.backends.cpu.get_cpu_capability() != "AVX512" or not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        return False
    needed = sum(layer.weight.numel() * 4 for layer in _layers(module))
    return bool(needed <= SHARE * free_memory(module.device))


@contextmanager
def packed_linears(module: Any | None) -> Iterator[None]:
    """Within it, a model's linear layers compute with packed copies of their weights of this moment; no gradient.

    Args:
        module: one for which :func:`can_pack` holds; nothing is done for None.
    """
    layers = _layers(module) if module is not None else []
    for layer in layers:
        layer.forward = _packed(layer)
    try:
        yield
    finally:
        for layer in layers:
            del layer.forward


def _layers(module: Any) -> list[nn.Linear]:
    """Plain linear layers whose ``forward`` is their own."""
    return [one for one in module.modules() if type(one) is nn.Linear and "forward" not in one.__dict__]


def _packed(layer: nn.Linear) -> Callable[[torch.Tensor], torch.Tensor]:
    weight = torch.ops.mkldnn._reorder_linear_weight(layer.weight.detach())
    bias = layer.bias.detach() if layer.bias is not None else None

    def forward(x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = torch.ops.mkldnn._linear_pointwise(x.contiguous(), weight, bias, "none", [], "")
        return found

    return forward
