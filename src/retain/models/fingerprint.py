"""Fingerprints of models: the same weights, tokenizer and load options give the same string."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

import torch


def weights_hash(module: torch.nn.Module) -> str:
    """sha256 over names, types, shapes and bytes of a module's tensors, in name order."""
    return _hashed(module.state_dict())


_WRAPPERS = re.compile(r"(\.base_layer|\.original_module)+\.")
"""What an adapter puts into a weight's name, more than once where several adapters wrap parts of one module."""


def base_weights_hash(module: torch.nn.Module) -> str:
    """:func:`weights_hash` of a model's own tensors, the same with and without a LoRA adapter wrapped around them."""
    return _hashed(
        {
            _WRAPPERS.sub(".", name.removeprefix("base_model.model.")): value
            for name, value in module.state_dict().items()
            if ".lora_" not in name and ".modules_to_save." not in name
        }
    )


def _hashed(state: Mapping[str, Any]) -> str:
    """The hash of a state dict, which holds a 4-bit layer's scales too; what is no tensor is left out."""
    digest = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name]
        if not isinstance(tensor, torch.Tensor):
            continue
        digest.update(f"{name}|{tensor.dtype}|{tuple(tensor.shape)}".encode())
        flat = tensor.detach().to("cpu").contiguous().flatten()
        digest.update(flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b"")
    return digest.hexdigest()


NO_BEHAVIOUR = ("_name_or_path", "transformers_version", "architectures", "dtype", "use_cache", "pad_token_id")
"""Keys of a model's configuration that change no answer (the precision is named apart).

A reranker's padding token may change its scores, and is one of its habits.
"""


def config_values(config: Any) -> str:
    """A model's configuration as text: rotary base, soft capping, context length and the like are no weights."""
    values = {key: value for key, value in config.to_dict().items() if key not in NO_BEHAVIOUR}
    return json.dumps(values, sort_keys=True, default=str)


def tokenizer_hash(tokenizer: Any) -> str:
    """Hash of the vocabulary, the special tokens and the chat template."""
    digest = hashlib.sha256()
    backend = getattr(tokenizer, "backend_tokenizer", None)
    digest.update((_lasting(backend) if backend is not None else repr(sorted(tokenizer.get_vocab().items()))).encode())
    digest.update(str(tokenizer.chat_template).encode())
    digest.update(str([tokenizer.bos_token_id, tokenizer.eos_token_id]).encode())
    return digest.hexdigest()


def _lasting(backend: Any) -> str:
    """A fast tokenizer as text, without the truncation and padding that its last call left behind."""
    truncation, padding = backend.truncation, backend.padding
    backend.no_truncation()
    backend.no_padding()
    try:
        return str(backend.to_str())
    finally:
        if truncation is not None:
            backend.enable_truncation(**truncation)
        if padding is not None:
            backend.enable_padding(**padding)
