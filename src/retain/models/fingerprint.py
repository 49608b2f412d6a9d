"""Fingerprints of models: the same weights, tokenizer and load options give the same string."""

from __future__ import annotations

import hashlib
from typing import Any

import torch


def weights_hash(module: torch.nn.Module, names: set[str] | None = None) -> str:
    """sha256 over names, types, shapes and bytes of a module's tensors, in name order.

    Args:
        module: the model.
        names: only these tensors; all of the state dict when None.
    """
    digest = hashlib.sha256()
    state = module.state_dict()
    for name in sorted(state):
        if names is not None and name not in names:
            continue
        tensor = state[name]
        if not isinstance(tensor, torch.Tensor):
            continue
        digest.update(f"{name}|{tensor.dtype}|{tuple(tensor.shape)}".encode())
        flat = tensor.detach().to("cpu").contiguous().flatten()
        digest.update(flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b"")
    return digest.hexdigest()


def tokenizer_hash(tokenizer: Any) -> str:
    """Hash of the vocabulary, the special tokens and the chat template."""
    digest = hashlib.sha256()
    backend = getattr(tokenizer, "backend_tokenizer", None)
    digest.update((backend.to_str() if backend is not None else repr(sorted(tokenizer.get_vocab().items()))).encode())
    digest.update(str(tokenizer.chat_template).encode())
    digest.update(str([tokenizer.bos_token_id, tokenizer.eos_token_id]).encode())
    return digest.hexdigest()


def base_weights_hash(module: torch.nn.Module) -> str:
    """Hash of a model's own parameters, the same with and without a LoRA adapter wrapped around them."""
    digest = hashlib.sha256()
    own = {}
    for name, parameter in module.named_parameters():
        if ".lora_" not in name and "modules_to_save" not in name:
            own[name.removeprefix("base_model.model.").replace(".base_layer.", ".")] = parameter
    for name in sorted(own):
        flat = own[name].detach().to("cpu").contiguous().flatten()
        digest.update(f"{name}|{flat.dtype}|{tuple(own[name].shape)}".encode())
        digest.update(flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b"")
    return digest.hexdigest()
