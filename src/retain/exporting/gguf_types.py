"""Which type each tensor of a GGUF file is stored in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from retain.errors import UserError, nearest
from retain.exporting import llama_cpp

if TYPE_CHECKING:
    import numpy


@dataclass(frozen=True)
class FileType:
    """One way to store a model.

    Args:
        number: of ``enum llama_ftype``; programs show its name.
        tensor: the type of a matrix.
        more: the type of the matrices that llama.cpp gives more bits; empty where all are alike.
        most: take ``more`` for the matrices of :func:`more_bits`; else for those of the first layers.
        bits: about how many a weight takes.
    """

    number: int
    tensor: str
    bits: float
    more: str = ""
    most: bool = False


FILE_TYPES = {
    "f32": FileType(0, "F32", 32.0),
    "f16": FileType(1, "F16", 16.0),
    "bf16": FileType(32, "BF16", 16.0),
    "q8_0": FileType(7, "Q8_0", 8.5),
    "q6_k": FileType(18, "Q6_K", 6.6),
    "q5_k_m": FileType(17, "Q5_K", 5.8, "Q6_K", True),
    "q5_k_s": FileType(16, "Q5_K", 5.7),
    "q4_k_m": FileType(15, "Q4_K", 5.1, "Q6_K", True),
    "q4_k_s": FileType(14, "Q4_K", 4.9, "Q5_K"),
}
"""Every type that can be asked for."""
NARROWER = {"Q4_K": "Q5_0", "Q5_K": "Q5_1", "Q6_K": "Q8_0"}
"""Blocks of 256 weights -> the blocks of 32 that llama.cpp takes where a row is no whole number of them."""
OUTPUT = "Q6_K"
"""What llama.cpp stores the output head in, or the embeddings that serve as one."""


def check_type(name: str) -> str:
    """The type's name in small letters.

    Raises:
        UserError: there is no such type.
        MissingExtraError: it takes llama.cpp, which is not installed.
    """
    known = name.lower()
    if known not in FILE_TYPES:
        raise UserError(f"--type: there is no type {name!r} here; {nearest(known, FILE_TYPES)}")
    if FILE_TYPES[known].tensor in NARROWER:
        llama_cpp.check_here(f"--type {known}")
    return known


def stored_in(kind: str, name: str, shape: Sequence[int], layers: int, tied: bool) -> Any:
    """The type of one tensor, as llama.cpp chooses it for dense models of these families.

    Norms and biases stay in fp32. Source: ``llama_tensor_get_type`` in llama.cpp's llama-quant.cpp.

    Args:
        kind: one of :data:`FILE_TYPES`.
        name: GGUF's name of the tensor.
        shape: (rows, columns), or (columns,).
        layers: of the model.
        tied: the embeddings are the output head, too.
    """
    import gguf

    types = gguf.GGMLQuantizationType
    if len(shape) == 1:
        return types.F32
    wanted = _wanted(FILE_TYPES[kind], name, layers, tied)
    if shape[-1] % gguf.GGML_QUANT_SIZES[types[wanted]][0]:
        wanted = NARROWER.get(wanted, "F16")
    if shape[-1] % gguf.GGML_QUANT_SIZES[types[wanted]][0]:
        wanted = "F16"
    return types[wanted]


def _wanted(kind: FileType, name: str, layers: int, tied: bool) -> str:
    if kind.tensor not in NARROWER:
        return kind.tensor
    if name == "output.weight" or (tied and name == "token_embd.weight"):
        return OUTPUT
    if kind.more and (".attn_v." in name or ".ffn_down." in name):
        layer = int(name.split(".")[1])
        first = 4 if ".attn_v." in name else layers // 8
        if more_bits(layer, layers) if kind.most else layer < first:
            return kind.more
    return kind.tensor


def more_bits(layer: int, layers: int) -> bool:
    """Layers whose values and down projections get more bits in an ``_M`` type: both ends and every third between."""
    return layer < layers // 8 or layer >= 7 * layers // 8 or (layer - layers // 8) % 3 == 2


def packed(weight: numpy.ndarray[Any, Any], stored: Any) -> numpy.ndarray[Any, Any]:
    """A tensor's bytes in its type; fp32 and f16 as numbers.

    Args:
        weight: in fp32.
        stored: what :func:`stored_in` said.
    """
    import gguf

    found: numpy.ndarray[Any, Any]
    if stored.name in NARROWER:
        return llama_cpp.packed(weight, int(stored), gguf.quant_shape_to_byte_shape(weight.shape, stored)[-1])
    found = gguf.quants.quantize(weight, stored)
    return found


def size_of(shape: Sequence[int], stored: Any) -> tuple[tuple[int, ...], int]:
    """(shape in bytes, bytes in all) of a tensor in its type."""
    import gguf

    wide = tuple(gguf.quant_shape_to_byte_shape(tuple(shape), stored))
    return wide, math.prod(wide)
