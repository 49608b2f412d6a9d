"""A linear layer whose weight is kept orthogonal to some input directions, and saved as an ordinary one."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn.utils import parametrize


class Projection(nn.Module):
    """A -> A (I - M M') in fp32; M has orthonormal columns.

    Args:
        directions: M, (in, directions).
    """

    directions: torch.Tensor

    def __init__(self, directions: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("directions", directions, persistent=False)

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        """The part of the weight (out, in) that the directions do not see."""
        with torch.autocast(weight.device.type, enabled=False):
            directions = self.directions.to(weight.dtype)
            return weight - (weight @ directions) @ directions.T


def project(linear: nn.Linear, directions: torch.Tensor) -> None:
    """Keep a linear layer's weight orthogonal to the directions from now on, whatever an optimizer does.

    Its state stays that of a plain linear layer: ``weight``, projected.

    Args:
        linear: has no bias along which it could answer to the directions.
        directions: orthonormal columns, (in, directions).
    """
    parametrize.register_parametrization(linear, "weight", Projection(directions.to(linear.weight.device)))
    linear.register_state_dict_post_hook(_as_plain)
    linear.register_load_state_dict_pre_hook(_from_plain)


def _as_plain(linear: Any, state: dict[str, Any], prefix: str, metadata: Any) -> None:
    state.pop(f"{prefix}parametrizations.weight.original")
    state[f"{prefix}weight"] = linear.weight.detach()


def _from_plain(linear: Any, state: dict[str, Any], prefix: str, *rest: Any) -> None:
    if f"{prefix}weight" in state:
        state[f"{prefix}parametrizations.weight.original"] = state.pop(f"{prefix}weight")
