"""A merged model as one GGUF file, in the types that llama.cpp serves."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retain.errors import UserError, nearest
from retain.exporting import llama_cpp
from retain.exporting.gguf_families import Family, add_numbers, as_array, family_of, tensors
from retain.exporting.gguf_vocabulary import add_vocabulary
from retain.folder import disk_errors
from retain.models.transformers_model import TransformersModel

if TYPE_CHECKING:
    import numpy

WRITTEN = ("f32", "f16", "bf16", "q8_0")
"""Types that the package gguf writes; all others are made by llama.cpp."""
BITS = {
    "f32": 32.0, "f16": 16.0, "bf16": 16.0, "q8_0": 8.5, "q6_k": 6.6, "q5_k_m": 5.7, "q5_k_s": 5.6, "q5_1": 6.0,
    "q5_0": 5.5, "q4_k_m": 4.9, "q4_k_s": 4.7, "q4_1": 5.0, "q4_0": 4.6, "iq4_nl": 4.7, "iq4_xs": 4.5, "q3_k_l": 4.3,
    "q3_k_m": 3.9, "q3_k_s": 3.5, "q2_k": 3.2,
}  # fmt: skip
"""Every type that can be asked for -> about how many bits it takes for a weight."""


@dataclass(frozen=True)
class Written:
    """What was written, for the record."""

    tensors: dict[str, int]
    """Type -> number of tensors."""
    notes: list[str]


def check_type(name: str) -> str:
    """The type's name in small letters.

    Raises:
        UserError: there is no such type, or it takes llama.cpp, which is not installed.
    """
    known = name.lower()
    if known not in BITS:
        raise UserError(f"--type: there is no type {name!r} here; {nearest(known, BITS)}")
    if known not in WRITTEN:
        llama_cpp.check_here(f"--type {known}")
    return known


def write_gguf(model: TransformersModel, base: str | None, kind: str, path: Path, licence: str, name: str) -> Written:
    """Write a merged model.

    Args:
        model: without an adapter.
        base: its base's name, whose own GGUF file the tokens are copied from where it is one.
        kind: one of :data:`BITS`.
        path: the file.
        licence: of the base; empty where it is not known.
        name: the model's, for the file's metadata.

    Raises:
        UserError: the family, the tokenizer or the type cannot be written, or the disk is full.
        BrokenError: llama.cpp did not quantise.
    """
    family = family_of(model.module)
    with disk_errors(path):
        if kind in WRITTEN:
            origin = _write(model, family, base, kind, path, licence, name)
        else:
            with tempfile.TemporaryDirectory(dir=path.parent, prefix=".whole-") as folder:
                whole = Path(folder) / "whole.gguf"
                origin = _write(model, family, base, "f32", whole, licence, name)
                llama_cpp.quantise(whole, path, kind)
    found = stored_types(path)
    return Written(found, [f"The tokenizer was {origin}.", *_notes(kind, found, model.module)])


def stored_types(path: Path) -> dict[str, int]:
    """Type -> how many tensors of a GGUF file are stored in it."""
    import gguf

    return dict(sorted(Counter(one.tensor_type.name for one in gguf.GGUFReader(path).tensors).items()))


def _notes(kind: str, found: dict[str, int], module: Any) -> list[str]:
    if kind.upper().startswith(("Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K")) and module.config.hidden_size % 256:
        named = ", ".join(f"{name} {count}" for name, count in found.items())
        return [
            f"{kind}: rows of {module.config.hidden_size} weights do not fall into blocks of 256, so that llama.cpp "
            f"took other types for most tensors ({named})."
        ]
    return []


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
    writer.add_file_type(_file_type(kind))
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    add_numbers(writer, config)
    origin = add_vocabulary(writer, model.tokenizer, base, config.vocab_size)
    made: list[Callable[[], numpy.ndarray[Any, Any]]] = []
    for called, shape, weight in tensors(model.module, family):
        stored = _stored(kind, shape)
        size = gguf.quant_shape_to_byte_shape(shape, stored)
        plain = _PLAIN.get(stored.name)
        writer.add_tensor_info(
            called, shape if plain else size, _numpy(plain or "uint8"), _product(size), None if plain else stored
        )
        made.append(_maker(called, weight, family, config, stored))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for make in made:
        writer.write_tensor_data(make())
    writer.close()
    return origin


def _maker(called: str, weight: Any, family: Family, config: Any, stored: Any) -> Callable[[], numpy.ndarray[Any, Any]]:
    def make() -> numpy.ndarray[Any, Any]:
        import gguf

        found: numpy.ndarray[Any, Any] = gguf.quants.quantize(as_array(called, weight, family, config), stored)
        return found

    return make


_PLAIN = {"F32": "float32", "F16": "float16"}


def _numpy(name: str) -> Any:
    import numpy

    return numpy.dtype(name)


def _product(shape: tuple[int, ...]) -> int:
    import math

    return math.prod(shape)


def _stored(kind: str, shape: tuple[int, ...]) -> Any:
    """Norms and biases stay in fp32, as llama.cpp has them; rows that do not fall into blocks in f16."""
    import gguf

    types = gguf.GGMLQuantizationType
    if len(shape) == 1:
        return types.F32
    wanted = types[kind.upper()]
    return wanted if shape[-1] % gguf.GGML_QUANT_SIZES[wanted][0] == 0 else types.F16


def _file_type(kind: str) -> int:
    import gguf

    names = {"f32": "ALL_F32", "f16": "MOSTLY_F16", "bf16": "MOSTLY_BF16", "q8_0": "MOSTLY_Q8_0"}
    return int(gguf.LlamaFileType[names[kind]])
