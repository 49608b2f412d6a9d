"""Where in a language model a weight lies: in which layer, and in which part of it."""

from __future__ import annotations

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
    found = {}
    for name, parameter in module.named_parameters():
        if name.startswith(prefix):
            number, _, rest = name.removeprefix(prefix).partition(".")
            found[name] = Place(int(number), _inner_part(rest))
        elif id(parameter) in heads - inputs:
            found[name] = Place(None, "head")
        else:
            found[name] = Place(None, "norms" if _is_norm(name) else "embeddings")
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


def _inner_part(name: str) -> Part:
    if _is_norm(name):
        return "norms"
    return "attention" if any("attn" in one or "attention" in one for one in name.lower().split(".")) else "mlp"


def _is_norm(name: str) -> bool:
    """By the name of the module that holds the parameter, such as ``input_layernorm``, ``q_norm`` or ``ln_1``."""
    holder = (name.lower().split(".")[-2:] or [""])[0]
    return "norm" in holder or holder.startswith("ln_")
