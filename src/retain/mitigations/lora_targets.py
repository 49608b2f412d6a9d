"""Which layers of a model an adapter goes on, checked before PEFT sees the names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from retain.errors import UserError, nearest

ALL = "all-linear"


def target_names(module: Any, wanted: str | list[str], apart: Sequence[str] = ()) -> list[str]:
    """Full names of the linear layers that ``lora.target_modules`` means.

    ``all-linear`` leaves out what no adapter acts on (:func:`unadaptable`) and the gates of experts: a small change of
    a gate sends tokens to other experts.

    Args:
        module: a transformers model.
        wanted: ``all-linear``, a regular expression that matches whole names, or names or their endings.
        apart: parts of the model that are trained as a whole, such as a reranker's head.

    Raises:
        UserError: a name means no layer, or one that takes no adapter.
    """
    linear = [name for name in linear_layers(module) if name.split(".")[0] not in apart]
    barred = unadaptable(module, linear)
    if wanted == ALL:
        kept = set(linear) - set(barred) - gates(module)
        if not kept:
            raise UserError(
                "mitigations.lora: the model has no linear layer that takes an adapter; train without lora, with "
                "{kind: freeze} to leave most of its weights as they are"
            )
        return [name for name in linear if name in kept]
    kinds = sorted({name.rsplit(".", 1)[-1] for name in linear})
    known = f"The model's linear layers: {', '.join(kinds)}."
    where = "mitigations.lora.target_modules"
    if not wanted:
        raise UserError(f"{where}: it is empty. {known}")
    every = [name for name, _ in module.named_modules() if name]
    found: set[str] = set()
    for one in [wanted] if isinstance(wanted, str) else wanted:
        matches = _matches(one, every, isinstance(wanted, str))
        if not matches:
            hint = nearest(one, [*kinds, ALL])
            raise UserError(f'{where}: "{one}" matches no layer; {hint}\n  {known}')
        if others := sorted(matches - set(linear)):
            head = others[0] == _head_name(module) or others[0].split(".")[0] in apart
            why = "is the output head, which is not adapted" if head else "is no linear layer"
            raise UserError(f'{where}: "{one}" matches {others[0]}, which {why}.\n  {known}')
        if useless := sorted(matches & set(barred)):
            raise UserError(f'{where}: "{one}" matches {useless[0]}; {barred[useless[0]]}.\n  {known}')
        found |= matches
    return [name for name in linear if name in found]


def linear_layers(module: Any) -> list[str]:
    """Names of all linear layers (4-bit ones and GPT-2's too) but the output head."""
    from torch import nn
    from transformers.pytorch_utils import Conv1D

    head = module.get_output_embeddings()
    return [name for name, one in module.named_modules() if isinstance(one, nn.Linear | Conv1D) and one is not head]


def unadaptable(module: Any, names: Sequence[str]) -> dict[str, str]:
    """Of these linear layers those that an adapter would not act on -> why, as the second half of a sentence.

    - In a state space mixer (Mamba and its kin: a part that holds ``A_log`` and ``D``) all but the first projection:
      its kernels take the weights of the others and never call the layers.
    - Layers whose name transformers 4 gave to single experts. transformers 5 holds the experts in one tensor, and PEFT
      takes such a name for that tensor's.
    """
    mixers = {name for name, one in module.named_modules() if {"A_log", "D"} <= set(one._parameters)}
    found = {}
    for name in names:
        mixer, _, layer = name.rpartition(".")
        if mixer in mixers and layer != "in_proj":
            found[name] = "the kernels of its state space mixer read its weight and would pass over an adapter"
        elif _is_experts(module, name):
            found[name] = "PEFT takes its name for that of the experts, which lie in one tensor and get no adapter here"
    return found


def _is_experts(module: Any, name: str) -> bool:
    """Whether PEFT makes of a layer's name that of a tensor of experts."""
    from peft import LoraConfig
    from peft.utils.transformers_weight_conversion import convert_peft_config_for_transformers

    config = LoraConfig(target_modules=[name])
    try:
        convert_peft_config_for_transformers(config, model=module, conversions=None)
    except ValueError:  # a part of what lies in that tensor
        return True
    return name not in (config.target_modules or ())


def gates(module: Any) -> set[str]:
    """Names of the linear layers that weigh experts: beside a tensor of experts, an output for each or one for all."""
    from torch import nn

    found = set()
    for name, block in module.named_modules():
        parts = {part: one for part, one in block.named_children() if not isinstance(one, nn.Conv1d)}
        experts = {p.shape[0] for part in parts.values() for p in part.parameters(recurse=False) if p.dim() == 3}
        counts = experts | {1} if experts else set()
        found |= {f"{name}.{part}" for part, one in parts.items() if getattr(one, "out_features", None) in counts}
    return found


def left_without(module: Any, adapted: Sequence[str], apart: Sequence[str] = ()) -> tuple[float, list[str]]:
    """Share of a model's matrices that has no adapter, embeddings and output head apart, and what holds it.

    Args:
        module: a transformers model.
        adapted: names of the layers that get one.
        apart: parts of the model that are trained as a whole.

    Returns:
        A share by number of weights, and the endings of the names, such as ``experts.down_proj``.
    """
    from torch import nn

    head = module.get_output_embeddings()
    tables = [one for one in module.modules() if isinstance(one, nn.Embedding) or one is head]
    looked_up = {id(parameter) for table in tables for parameter in table.parameters()}
    total = without = 0
    endings: dict[str, None] = {}
    for name, one in module.named_modules():
        for part, parameter in one.named_parameters(recurse=False):
            if parameter.dim() < 2 or id(parameter) in looked_up or name.split(".")[0] in apart:
                continue
            linear = part == "weight" and hasattr(one, "in_features")  # 4-bit weights are packed
            count = one.in_features * one.out_features if linear else parameter.numel()
            total += count
            if name not in adapted:
                without += count
                endings[".".join([*name.split(".")[-1:], *([] if part == "weight" else [part])])] = None
    return (without / total if total else 0.0), list(endings)


def _matches(wanted: str, names: list[str], as_pattern: bool) -> set[str]:
    if not as_pattern:
        return {name for name in names if name == wanted or name.endswith(f".{wanted}")}
    try:
        pattern = re.compile(wanted)
    except re.error as error:
        raise UserError(
            f"mitigations.lora.target_modules: {wanted!r} is not a regular expression: {error}.\n"
            "  To name layers, write a list: [q_proj, v_proj]"
        ) from None
    return {name for name in names if pattern.fullmatch(name)}


def _head_name(module: Any) -> str:
    head = module.get_output_embeddings()
    return next((name for name, one in module.named_modules() if one is head), "")
