"""A causal model without its weights: what it holds and what one pass saves, counted from its config."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

from retain.models.address import is_endpoint
from retain.models.builtin import BUILTINS, PREFIX, builtin_place


class Outline(NamedTuple):
    """Sizes of a model, in numbers and in bytes."""

    weights: int
    """Parameters, tied ones once."""
    vectors: int
    """Parameters of norms and biases among them, which stay in fp32."""
    linear: list[tuple[str, int, int]]
    """(name, inputs, outputs) of each linear layer but the output head."""
    vocabulary: int
    layers: int
    saved: int
    """Bytes that autograd keeps of one pass over ``rows`` rows of ``length`` tokens, the output head left out."""
    recomputes: bool
    """Whether it can be trained with gradient checkpointing."""


def config_here(spec: str) -> Any | None:
    """The config of a model that is on this machine; nothing is downloaded or unpacked.

    Args:
        spec: ``builtin:NAME``, a folder, or a Hub id that was downloaded before.

    Returns:
        transformers' config; None where it is not here, or for a server, a .gguf file or an adapter.
    """
    if is_endpoint(spec) or spec.endswith(".gguf"):
        return None
    name = spec.removeprefix(PREFIX)
    built_in = builtin_place(name) if spec.startswith(PREFIX) and name in BUILTINS else None
    folder = built_in or Path(os.path.expanduser(spec))
    if spec.startswith(PREFIX) and built_in is None:
        return None
    from transformers import AutoConfig

    try:
        place = str(folder) if folder.is_dir() else spec
        return AutoConfig.from_pretrained(place, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, ImportError):  # a damaged folder, or not here
        return None


def outline(config: Any, rows: int, length: int, low: bool) -> Outline | None:
    """Count a model by building it from its config with tensors that have shapes and no content, and running it once.

    Args:
        config: transformers' config of a causal model.
        rows: of the pass.
        length: tokens of each row.
        low: weights in bf16 rather than fp32; the arithmetic is bf16 in both.

    Returns:
        None where transformers cannot build or run it so.
    """
    import torch
    from torch._subclasses.fake_tensor import FakeTensorMode
    from transformers import AutoModelForCausalLM

    config._attn_implementation = "sdpa"
    try:
        with FakeTensorMode(allow_non_fake_inputs=True):
            dtype = torch.bfloat16 if low else torch.float32
            model = AutoModelForCausalLM.from_config(config, dtype=dtype, trust_remote_code=False)
            model.train()
            saved = _saved(model, rows, length)
            return _counted(model, saved)
    except (RuntimeError, ValueError, TypeError, AttributeError, KeyError, NotImplementedError, ImportError):
        return None


def _saved(model: Any, rows: int, length: int) -> int:
    """Bytes that autograd keeps of a pass through all layers; weights, which are there anyway, are not counted."""
    import torch

    own = {parameter.untyped_storage()._cdata for parameter in model.parameters()}
    kept: dict[int, Any] = {}

    def pack(tensor: Any) -> Any:
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            kept[storage._cdata] = storage  # held, so that no other storage takes its address
        return tensor

    ids = torch.zeros(rows, length, dtype=torch.long)
    positions = torch.arange(length).expand(rows, -1)
    with (
        torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor),
        torch.autocast("cpu", torch.bfloat16),
    ):
        held = model.base_model(input_ids=ids, position_ids=positions, use_cache=False)
        del held
    return sum(storage.nbytes() for storage in kept.values())


def _counted(model: Any, saved: int) -> Outline:
    import torch

    parameters = list(model.parameters())
    head = model.get_output_embeddings()
    linear = [
        (name, module.in_features, module.out_features)
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and module is not head
    ]
    return Outline(
        weights=sum(one.numel() for one in parameters),
        vectors=sum(one.numel() for one in parameters if one.dim() == 1),
        linear=linear,
        vocabulary=int(model.config.get_text_config().vocab_size),
        layers=int(model.config.get_text_config().num_hidden_layers),
        saved=saved,
        recomputes=bool(model.supports_gradient_checkpointing),
    )
