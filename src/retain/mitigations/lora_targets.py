"""Which layers of a model an adapter goes on, checked before PEFT sees the names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from retain.errors import UserError, nearest

ALL = "all-linear"


def target_names(module: Any, wanted: str | list[str], apart: Sequence[str] = ()) -> list[str]:
    """Full names of the linear layers that ``lora.target_modules`` means.

    Args:
        module: a transformers model.
        wanted: ``all-linear``, a regular expression that matches whole names, or names or their endings.
        apart: parts of the model that are trained as a whole, such as a reranker's head.

    Raises:
        UserError: a name means no layer, or one that takes no adapter.
    """
    linear = [name for name in linear_layers(module) if name.split(".")[0] not in apart]
    if wanted == ALL:
        return linear
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
        found |= matches
    return [name for name in linear if name in found]


def linear_layers(module: Any) -> list[str]:
    """Names of all linear layers (4-bit ones and GPT-2's too) but the output head."""
    from torch import nn
    from transformers.pytorch_utils import Conv1D

    head = module.get_output_embeddings()
    return [name for name, one in module.named_modules() if isinstance(one, nn.Linear | Conv1D) and one is not head]


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
