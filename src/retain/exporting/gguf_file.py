"""A merged model as one GGUF file, in the types that llama.cpp serves."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retain.exporting.gguf_families import Family, add_numbers, as_array, family_of, tensors
from retain.exporting.gguf_types import FILE_TYPES, NARROWER, packed, size_of, stored_in
from retain.exporting.gguf_vocabulary import add_vocabulary
from retain.folder import disk_errors
from retain.models.transformers_model import TransformersModel

PLAIN = {"F32": "float32", "F16": "float16"}
"""Types that are numbers of numpy."""


@dataclass(frozen=True)
class Written:
    """What was written, for the record."""

    tensors: dict[str, int]
    """Type -> number of tensors."""
    notes: list[str]


def write_gguf(model: TransformersModel, base: str | None, kind: str, path: Path, licence: str, name: str) -> Written:
    """Write a merged model.

    Args:
        model: without an adapter.
        base: its base's name, whose own GGUF file the tokens are copied from where it is one.
        kind: one of ``FILE_TYPES``.
        path: the file.
        licence: of the base; empty where it is not known.
        name: the model's, for the file's metadata.

    Raises:
        UserError: the family or the tokenizer cannot be written, or the disk is full.
    """
    family = family_of(model.module)
    with disk_errors(path):
        origin = _write(model, family, base, kind, path, licence, name)
    found = stored_types(path)
    return Written(found, [f"The tokenizer was {origin}.", *_notes(kind, found)])


def stored_types(path: Path) -> dict[str, int]:
    """Type -> how many tensors of a GGUF file are stored in it."""
    import gguf

    return dict(sorted(Counter(one.tensor_type.name for one in gguf.GGUFReader(path).tensors).items()))


def _notes(kind: str, found: dict[str, int]) -> list[str]:
    other = {name: count for name, count in found.items() if name in NARROWER.values()}
    if FILE_TYPES[kind].tensor not in NARROWER or not other:
        return []
    named = ", ".join(f"{count} in {name}" for name, count in other.items())
    return [
        f"{kind}: the rows of some tensors are no whole number of blocks of 256 weights, and are stored in blocks of "
        f"32 instead ({named}), as llama.cpp does."
    ]


def _write(
    model: TransformersModel, family: Family, base: str | None, kind: str, path: Path, licence: str, name: str
) -> str:
    """Write the file with one tensor in memory at a time; returns where the tokens are from."""
    import gguf

    config = model.module.config
    writer = gguf.GGUFWriter(path, family.architecture)
    writer.add_type(gguf.GGUFType.MODEL)
    writer.add_name(name)
    if licence:
        writer.add_license(licence)
    writer.add_file_type(FILE_TYPES[kind].number)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    add_numbers(writer, config)
    origin = add_vocabulary(writer, model.tokenizer, base, config.vocab_size)
    found = [
        (called, weight, stored_in(kind, called, shape, config.num_hidden_layers, config.tie_word_embeddings))
        for called, shape, weight in tensors(model.module, family)
    ]
    for called, weight, stored in found:
        _announce(writer, called, tuple(weight.shape), stored)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for called, weight, stored in found:
        writer.write_tensor_data(packed(as_array(called, weight, family, config), stored))
    writer.close()
    return origin


def _announce(writer: Any, called: str, shape: tuple[int, ...], stored: Any) -> None:
    import numpy

    wide, size = size_of(shape, stored)
    if stored.name in PLAIN:
        writer.add_tensor_info(called, shape, numpy.dtype(PLAIN[stored.name]), size)
    else:
        writer.add_tensor_info(called, wide, numpy.dtype("uint8"), size, stored)
