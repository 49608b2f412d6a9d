"""Reads .gguf files into ordinary, trainable weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from retain.errors import UserError


def load_gguf(path: Path) -> tuple[Any, Any]:
    """The fp32 model and the tokenizer of a GGUF file.

    ``dequantize=True`` matters: transformers otherwise keeps the packed weights, which neither train nor save.

    Raises:
        UserError: the file is missing or not a GGUF file that transformers can read.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    if not path.is_file():
        raise UserError(f"model: there is no file {path}")
    with path.open("rb") as file:
        if file.read(4) != b"GGUF":
            raise UserError(f"model: {path} is not a GGUF file (its first four bytes are not 'GGUF')")
    place: dict[str, Any] = {"pretrained_model_name_or_path": str(path.parent), "gguf_file": path.name}
    try:
        tokenizer = AutoTokenizer.from_pretrained(**place)
        module = AutoModelForCausalLM.from_pretrained(
            **place, quantization_config=GgufConfig(dequantize=True), dtype=torch.float32
        )
    except Exception as error:  # a damaged file can make transformers raise anything
        raise UserError(f"model: {path} could not be read, it may be damaged: {error}") from error
    module.config.quantization_config = None
    del module.config.quantization_config
    return module, tokenizer
