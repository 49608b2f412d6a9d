"""A model whose weights are dealt over processes (FSDP2), as a module with whole weights beside it."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from retain.models.transformers_model import TransformersModel


class WholeCopy:
    """A module's structure without its weights, made before these are dealt, and filled from there when asked.

    Everything that reads or calls parts of a model needs them whole: measurement, fingerprints, saving. Filled, it
    takes a whole model's memory on each process.

    Args:
        module: with whole weights still; its weights are dealt in place later.
    """

    def __init__(self, module: Any) -> None:
        self.dealt = module
        empty = {id(one): _empty(one) for one in module.parameters()}
        self.module = copy.deepcopy(module, dict(empty))
        for part in self.module.modules():  # a trainer's own, which would call the module that it was put on
            part.__dict__.pop("forward", None)

    def fill(self) -> Any:
        """Gather the weights of this moment; every process must call it.

        Returns:
            The module with plain weights of its own.
        """
        known = dict(self.dealt.named_parameters())
        names = {id(one): name for name, one in self.module.named_parameters()}
        made: dict[int, torch.nn.Parameter] = {}
        for part in self.module.modules():
            for leaf, old in part._parameters.items():
                if old is not None:
                    if id(old) not in made:
                        made[id(old)] = _whole(known[names[id(old)]])
                    part._parameters[leaf] = made[id(old)]
        return self.module

    def empty(self) -> None:
        """Give the memory back."""
        made: dict[int, torch.nn.Parameter] = {}
        for part in self.module.modules():
            for leaf, old in part._parameters.items():
                if old is not None:
                    part._parameters[leaf] = made.setdefault(id(old), _empty(old))


def _empty(parameter: torch.Tensor) -> torch.nn.Parameter:
    return torch.nn.Parameter(torch.empty_like(parameter, device="meta"), requires_grad=parameter.requires_grad)


def _whole(parameter: Any) -> torch.nn.Parameter:
    tensor = parameter.detach()
    tensor = tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor
    return torch.nn.Parameter(tensor.clone(), requires_grad=parameter.requires_grad)


@contextmanager
def whole_module(model: TransformersModel) -> Iterator[Any]:
    """A model's module with whole weights: its own where these are not dealt over processes."""
    if model.whole is None:
        yield model.module
        return
    try:
        yield model.whole.fill()
    finally:
        model.whole.empty()
