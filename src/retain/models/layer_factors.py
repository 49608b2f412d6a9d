"""How much of the learned update each layer keeps at a strength."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from torch import nn

PerLayer = Literal["uniform", "linear"]


def layer_factors(module: Any, names: Sequence[str], strength: float, per_layer: PerLayer) -> dict[str, float]:
    """The factor on the update of each named weight or layer.

    ``uniform``: the strength everywhere. ``linear``: it grows with depth (LiNeS, Wang et al. 2025, arXiv 2410.17146,
    with alpha = 0 and beta = strength): layer l of L gets strength * (l - 1) / (L - 1), what comes before the first
    layer (embeddings, also where the output head shares them) nothing, and what comes after the last the strength. A
    model of one layer gets the strength there.

    Args:
        module: the model; a PEFT model too.
        names: as ``named_parameters`` or ``named_modules`` call them.
        strength: of the deepest layer.
        per_layer: how it falls towards the first.
    """
    if per_layer == "uniform":
        return dict.fromkeys(names, strength)
    stack, count = _stack(module)
    embeddings = _embeddings(module)
    return {name: strength * _depth(name, stack, count, embeddings) for name in names}


def _depth(name: str, stack: str, count: int, embeddings: str) -> float:
    """From 0, the beginning of a model, to 1, its end."""
    if name.startswith(f"{stack}."):
        place = int(name.removeprefix(f"{stack}.").split(".")[0])
        return place / (count - 1) if count > 1 else 1.0
    return 0.0 if name == embeddings or name.startswith(f"{embeddings}.") else 1.0


def _stack(module: Any) -> tuple[str, int]:
    """Name and length of the list of layers: the outermost list, since it is met before those within a layer."""
    return next((name, len(part)) for name, part in module.named_modules() if isinstance(part, nn.ModuleList))


def _embeddings(module: Any) -> str:
    found = module.get_input_embeddings()
    name: str = next(name for name, part in module.named_modules() if part is found)
    return name
