"""(weight / 2) sum_i F_i (theta_i - theta0_i)^2, the base's weights memory-mapped: no second copy of them in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch

from retain.errors import UserError
from retain.mitigations.adapter_distance import adapter_distance
from retain.mitigations.base import Penalty, Setup, Step
from retain.mitigations.mapped_files import mapped, write_mapped
from retain.models.transformers_model import TransformersModel
from retain.models.update import BASE_WEIGHTS

CHUNK = 1 << 18
"""Values that are worked on at a time: what lies between two operations stays in the processor's cache."""


def distance_to_base(
    model: TransformersModel, setup: Setup, weight: float, importance: Mapping[str, torch.Tensor] | None = None
) -> Penalty:
    """The penalty (weight / 2) sum_i F_i d_i^2, where d is what was learned.

    Without an adapter d is theta - theta0 over all trained weights. With one it is the update ``scaling * B @ A`` of
    each adapted layer, and F belongs to the layer's weight.

    Args:
        model: still the base.
        setup: for the place of the base's weights.
        weight: factor on the penalty.
        importance: F by the name of a parameter (with an adapter, of an adapted layer); 1 everywhere when None.

    Raises:
        UserError: nothing is trained, or what is trained is neither the base's weights nor LoRA factors.
    """
    if hasattr(model.module, "peft_config"):
        return adapter_distance(model.module, weight, importance)
    trained = {name: p for name, p in model.module.named_parameters() if p.requires_grad}
    if not trained:
        raise UserError("mitigations: nothing of the model is trained, so that nothing can be held near the base")
    start = mapped(save_base(model, setup.folder / BASE_WEIGHTS))
    return WeightDistance(
        [(p, start[name], importance[name] if importance is not None else None) for name, p in trained.items()], weight
    )


class WeightDistance:
    """A penalty: the distance of weights from where they began, tensor by tensor, with a gradient in closed form.

    Autograd would hold the gradient of the whole penalty, as large as the model, until the loss's own is ready. Here
    weight * F * (theta - theta0) is added to ``.grad`` part by part when a backward pass has ended, times what the loss
    was multiplied by on the way (a loss scaler's factor too). So only ``backward()`` works, not
    ``torch.autograd.grad``, and no engine that takes gradients away while the pass still runs.

    Args:
        weights: (parameter, its value in the base, F or None) for each.
        weight: factor on the penalty.
    """

    def __init__(
        self, weights: Sequence[tuple[torch.nn.Parameter, torch.Tensor, torch.Tensor | None]], weight: float
    ) -> None:
        self.weights = weights
        self.weight = weight

    def __call__(self, step: Step) -> torch.Tensor:
        """The penalty, a scalar in fp32."""
        value: torch.Tensor = _Distance.apply(self.weights[0][0], self)
        return value

    def value(self) -> torch.Tensor:
        """The penalty without a gradient."""
        found = [
            torch.dot(moved.flatten(), (moved if part is None else moved * part).flatten())
            for parameter, start, scale in self.weights
            for moved, part, _ in _moved(parameter, start, scale)
        ]
        return torch.stack([one.to(found[0].device) for one in found]).sum() * (self.weight / 2)

    def add_gradient(self, factor: float) -> None:
        """Add ``factor`` times the penalty's gradient to each parameter's ``.grad``."""
        with torch.no_grad():
            for parameter, start, scale in self.weights:
                if parameter.grad is None:
                    parameter.grad = torch.zeros_like(parameter)
                for moved, part, grad in _moved(parameter, start, scale, parameter.grad):
                    grad.add_(moved if part is None else moved.mul_(part), alpha=factor * self.weight)


class _Distance(torch.autograd.Function):
    """Gives the value now, and the gradient when the backward pass that reached it has ended."""

    @staticmethod
    def forward(ctx: Any, anchor: torch.Tensor, distance: WeightDistance) -> torch.Tensor:
        ctx.distance = distance
        with torch.autocast(anchor.device.type, enabled=False):
            return distance.value()

    @staticmethod
    def backward(ctx: Any, upstream: torch.Tensor) -> tuple[None, None]:
        engine: Any = torch.autograd.Variable._execution_engine
        add = partial(ctx.distance.add_gradient, float(upstream))
        # Queued twice: what data-parallel wrappers queue in this pass overwrites ``.grad``, and must come first.
        engine.queue_callback(lambda: engine.queue_callback(add))
        return None, None


def _moved(
    parameter: torch.Tensor, start: torch.Tensor, scale: torch.Tensor | None, grad: torch.Tensor | None = None
) -> Iterator[tuple[torch.Tensor, Any, Any]]:
    """Of each part of a parameter: how far it moved (fp32), and the same part of ``scale`` and ``grad``."""
    whole = [None if one is None else torch.atleast_1d(one.detach()) for one in (parameter, start, scale, grad)]
    assert whole[0] is not None
    rows = max(1, CHUNK * len(whole[0]) // max(1, whole[0].numel()))
    device = parameter.device
    parts = [[None] * (-(-len(whole[0]) // rows)) if one is None else one.split(rows) for one in whole]
    for now, then, factor, gradient in zip(*parts, strict=True):
        assert now is not None and then is not None
        yield now.float() - then.to(device), None if factor is None else factor.to(device), gradient


def save_base(model: TransformersModel, path: Path) -> Path:
    """Write all weights of a model that still is the base: in bf16 where that loses nothing, else as they are."""
    write_mapped({name: _compact(p.detach()) for name, p in model.module.named_parameters()}, path)
    return path


def _compact(tensor: torch.Tensor) -> torch.Tensor:
    half = tensor.to(torch.bfloat16)
    return half if torch.equal(half.to(tensor.dtype), tensor) else tensor
