"""Where in a language model a weight lies: in which layer, and in which part of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from retain.errors import UserError

Part = Literal["attention", "mlp", "norms", "embeddings", "head"]


@dataclass(frozen=True)
class Place:
    """Of one parameter."""

    layer: int | None
    """Number of the transformer layer, counted from 0; None outside of all."""
    part: Part
    """Within a layer ``attention``, ``norms``, or ``mlp`` for all else; outside ``embeddings``, ``norms``, ``head``."""


def places(module: Any) -> dict[str, Place]:
    """The place of every parameter of a transformers causal model; a tied output head belongs to ``embeddings``.

    Raises:
        UserError: the model has no list of layers.
    """
    prefix = _layers_name(module) + "."
    head = module.get_output_embeddings()
    heads = {id(p) for p in head.parameters()} if head is not None else set()
    inputs = {id(p) for p in module.get_input_embeddings().parameters()}
    kinds = {name: type(one).__name__.lower() for name, one in module.named_modules()}
    found = {}
    for name, parameter in module.named_parameters():
        if name.startswith(prefix):
            number = name.removeprefix(prefix).partition(".")[0]
            found[name] = Place(int(number), _inner_part(name, f"{prefix}{number}", kinds))
        elif id(parameter) in heads - inputs:
            found[name] = Place(None, "head")
        else:
            found[name] = Place(None, "norms" if _is_norm(name, kinds) else "embeddings")
    return found


def _layers_name(module: Any) -> str:
    from torch import nn

    count = module.config.get_text_config().num_hidden_layers
    for name, one in module.named_modules():
        if isinstance(one, nn.ModuleList) and len(one) == count:
            return str(name)
    raise UserError(
        f"mitigations.freeze: {type(module).__name__} has no list of {count} layers, so that its layers and parts are "
        "not known; leave freeze out, or use {kind: lora} with target_modules"
    )


def _inner_part(name: str, layer: str, kinds: Mapping[str, str]) -> Part:
    """By the names and classes of the modules within the layer that hold the parameter."""
    if _is_norm(name, kinds):
        return "norms"
    holder = name.rpartition(".")[0]
    while len(holder) > len(layer):
        called = holder.rsplit(".", 1)[-1].lower(), kinds[holder]
        if any("attn" in one or "attention" in one for one in called):
            return "attention"
        holder = holder.rpartition(".")[0]
    return "mlp"


def _is_norm(name: str, kinds: Mapping[str, str]) -> bool:
    """By the module that holds the parameter: its class (``LlamaRMSNorm``), or its name (``q_norm``, ``ln_1``)."""
    holder = name.rpartition(".")[0]
    last = holder.rsplit(".", 1)[-1].lower()
    return "norm" in kinds[holder] or "norm" in last or last.startswith("ln_")
