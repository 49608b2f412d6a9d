"""Families of models that are written as GGUF, and what their files say of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from retain.errors import UserError

if TYPE_CHECKING:
    import numpy
    import torch

CONVERTER = "python llama.cpp/convert_hf_to_gguf.py FOLDER --outtype f16"


@dataclass(frozen=True)
class Family:
    """How llama.cpp names a family, and whether it wants the rows of q and k in its own order."""

    architecture: str
    pairs: bool
    """Rotary dimensions lie side by side there, and half a head apart in transformers."""
    head: int | None = None
    """The only width of a head that transformers reads back; None: the hidden size by the number of heads."""
    any_head: bool = False
    """True where the file's own width is read back."""


FAMILIES = {
    "LlamaForCausalLM": Family("llama", True, any_head=True),
    "MistralForCausalLM": Family("llama", True, any_head=True),
    "Qwen2ForCausalLM": Family("qwen2", False),
    "Qwen3ForCausalLM": Family("qwen3", False, head=128),
}
"""Class of transformers -> family. Source: llama.cpp's convert_hf_to_gguf.py."""


def refuse(why: str) -> UserError:
    """What to do with a model that is not written here."""
    return UserError(
        f"--to gguf: {why}.\n  Export it with --to merged, and convert that folder with llama.cpp: {CONVERTER}\n"
        "  Then compare the file with the run: retain compare RUN FILE.gguf"
    )


def family_of(module: Any) -> Family:
    """The family of a model.

    Raises:
        UserError: it is of none that is written here, or has a part that such a file would not hold.
    """
    name = type(module).__name__
    if name not in FAMILIES:
        raise refuse(f"a {name} is not written here (only {', '.join(FAMILIES)})")
    config = module.config
    rope = _rope(config)
    if rope.get("rope_type", "default") != "default":
        raise refuse(f"its rotary positions are of the kind {rope['rope_type']!r}, which is not written here")
    if config.hidden_act not in ("silu", "swish"):
        raise refuse(f"its activation is {config.hidden_act!r}, and llama.cpp computes silu for this family")
    if set(getattr(config, "layer_types", None) or []) - {"full_attention"} or _slides(config):
        raise refuse("some of its layers look back through a sliding window, which is not written here")
    family = FAMILIES[name]
    width = family.head or config.hidden_size // config.num_attention_heads
    if not family.any_head and _head(config) != width:
        raise refuse(f"its heads are {_head(config)} wide, and transformers reads {width} from such files")
    return family


def _slides(config: Any) -> bool:
    window = getattr(config, "sliding_window", None)
    used = getattr(config, "use_sliding_window", window is not None)
    return bool(used and window and window < config.max_position_embeddings)


def _rope(config: Any) -> dict[str, Any]:
    return dict(getattr(config, "rope_parameters", None) or {})


def add_numbers(writer: Any, config: Any) -> None:
    """Write the configuration: sizes, the rotary base, the norms' epsilon."""
    head = _head(config)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_rope_freq_base(float(_rope(config).get("rope_theta", getattr(config, "rope_theta", 10000.0))))
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)
    writer.add_rope_dimension_count(head)
    writer.add_key_length(head)
    writer.add_value_length(head)


def _head(config: Any) -> int:
    return int(getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads)


def tensors(module: Any, family: Family) -> Iterator[tuple[str, tuple[int, ...], torch.Tensor]]:
    """(GGUF's name, shape, weight) of every tensor; a head that shares the embeddings is left out.

    Raises:
        UserError: one has no name in GGUF.
    """
    import gguf

    config = module.config
    names = gguf.get_tensor_name_map(architecture(family), config.num_hidden_layers)
    for name, weight in module.state_dict().items():
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        called = names.get_name(name, try_suffixes=(".weight", ".bias"))
        if called is None:
            raise refuse(f"its tensor {name} has no place in a file of the family {family.architecture}")
        yield called, tuple(weight.shape), weight


def architecture(family: Family) -> Any:
    """The family in the package gguf."""
    import gguf

    return next(one for one, name in gguf.MODEL_ARCH_NAMES.items() if name == family.architecture)


def as_array(name: str, weight: torch.Tensor, family: Family, config: Any) -> numpy.ndarray[Any, Any]:
    """A weight as fp32 numbers in llama.cpp's order of rows."""
    found: numpy.ndarray[Any, Any] = weight.detach().float().cpu().contiguous().numpy()
    if family.pairs and (".attn_q." in name or ".attn_k." in name):
        heads = config.num_attention_heads if ".attn_q." in name else config.num_key_value_heads
        return in_pairs(found, heads)
    return found


def in_pairs(weight: numpy.ndarray[Any, Any], heads: int) -> numpy.ndarray[Any, Any]:
    """Rows of each head from (first half, second half) to pairs of one from either: (heads * dim, ...) alike."""
    half = weight.shape[0] // heads // 2
    return weight.reshape(heads, 2, half, *weight.shape[1:]).swapaxes(1, 2).reshape(weight.shape)
