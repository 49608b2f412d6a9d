"""From a name to a reranker: a cross-encoder or a language model, as a folder, an adapter or a Hub id."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from retain.errors import UserError, from_extra
from retain.models.builtin import PREFIX
from retain.models.freed_memory import keep_freed_memory
from retain.models.kernel_cache import keep_few_kernels
from retain.models.load import (
    Precision,
    adapter_base,
    architectures,
    check_place,
    device,
    first_line,
    hub_reachable,
    load_causal,
    on_its_base,
)
from retain.models.model_files import model_json, module_folders, weight_files
from retain.models.rerank_prompt import FILE, RerankSettings, rerank_prompt
from retain.models.reranker import CrossEncoderReranker, TransformersReranker


def load_reranker(spec: str, load_in: Precision = "fp32", rerank: RerankSettings | None = None) -> TransformersReranker:
    """Load a reranker for measuring or training.

    Args:
        spec: a folder of a cross-encoder (or of an adapter of one), a Hub id, or any language model as ``load_causal``
            takes it, which is then asked to say yes or no.
        load_in: ``fp32`` or ``bf16``; language models also ``4bit``.
        rerank: what a language model is asked; by default what its folder says.

    Raises:
        UserError: there is no such model, it holds no safetensors, or it is no reranker.
        MissingExtraError: sentence-transformers is not installed.
    """
    from_extra("sentence_transformers", "rerank")
    if device() == "cpu":
        keep_freed_memory()
        keep_few_kernels()
    place = Path(os.path.expanduser(spec))
    _refuse_other_kinds(spec)
    if is_language_model(spec):
        from retain.models.yes_no import YesNoReranker

        causal = load_causal(spec, load_in)
        return YesNoReranker(causal, rerank_prompt(_asked_as(place, spec), causal.tokenizer, rerank))
    if rerank is not None:
        raise UserError(f"model.rerank: {spec!r} is a cross-encoder, which is asked nothing; only language models are")
    if load_in == "4bit":
        raise UserError("model.load_in: cross-encoders are loaded in fp32 or bf16; 4bit is for language models")
    if (place / "adapter_config.json").is_file():
        base = load_reranker(adapter_base(place), load_in)
        model = base.rebuilt(on_its_base(base.module, place, base.name))
        model.name = spec
        return model
    return CrossEncoderReranker(_load_encoder(spec, place, load_in), spec, load_in)


def _refuse_other_kinds(spec: str) -> None:
    """Refuse what is neither a cross-encoder nor a language model that only continues text."""
    if "Pooling" in module_folders(spec) and is_embedder(spec):
        raise UserError(
            f"model: {spec!r} is an embedder, which gives a text a vector and a pair no score\n"
            "  Name a reranker, or a language model; an embedder may be training.ranking.teacher or a first stage."
        )
    if not is_language_model(spec) and _architecture(spec).endswith("ForConditionalGeneration"):
        raise UserError(
            f"model: {spec!r} is a {_architecture(spec)}: models that read with an encoder and write with a decoder "
            "(monoT5), and those that see images, are not taken as rerankers\n"
            "  Name a cross-encoder with one label, or a language model (...ForCausalLM)."
        )


def _asked_as(place: Path, spec: str) -> str:
    """Whose files say how a model is asked: its own, or its base's where it is an adapter that says nothing."""
    if (place / "adapter_config.json").is_file() and not (place / FILE).is_file():
        base = adapter_base(place)
        return _asked_as(Path(os.path.expanduser(base)), base)
    return spec


def is_language_model(spec: str) -> bool:
    """Whether a model writes text, told by its configuration's architecture; an adapter is what its base is."""
    place = Path(os.path.expanduser(spec))
    if spec.startswith(PREFIX) or place.suffix == ".gguf":
        return True
    if (place / "adapter_config.json").is_file():
        return is_language_model(adapter_base(place))
    return _architecture(spec).endswith("ForCausalLM")


def is_embedder(spec: str) -> bool:
    """Whether a model gives a text a vector and a pair no score: by sentence-transformers' files, or without a head.

    A decoder's configuration does not tell: published embedders are stored as the language models they were.
    """
    own = model_json(spec, "config_sentence_transformers.json")
    if isinstance(own, dict) and own.get("model_type") == "CrossEncoder":
        return False
    return "Pooling" in module_folders(spec) or _architecture(spec).endswith("Model")


def _architecture(spec: str) -> str:
    """What a configuration says that the model is; nothing where it says nothing."""
    place = Path(os.path.expanduser(spec))
    found = architectures(place) if place.is_dir() else _hub_architectures(spec)
    return str(found[0]) if found else ""


def _hub_architectures(spec: str) -> Any:
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(spec, local_files_only=not hub_reachable(), trust_remote_code=False)
    except Exception:  # noqa: BLE001 - loading the model itself says what is wrong with it
        return None
    return config.architectures


def _load_encoder(spec: str, place: Path, load_in: Precision) -> Any:
    import torch

    check_place(spec)
    dtype = torch.float32 if load_in == "fp32" else torch.bfloat16
    library = from_extra("sentence_transformers", "rerank")
    try:
        encoder = library.CrossEncoder(
            str(place) if place.exists() else spec,
            device=device(),
            local_files_only=place.exists() or not hub_reachable(),
            trust_remote_code=False,
            model_kwargs={"dtype": dtype, "use_safetensors": True},
        )
    except Exception as error:  # a damaged folder can make transformers raise anything
        raise UserError(
            f"model: {spec!r} could not be loaded as a reranker: {first_line(error)}\n"
            "  Allowed: a folder of a cross-encoder with config.json and safetensors, one of its adapters, a Hub id "
            "that this machine can reach, or a language model."
        ) from error
    encoder.eval()
    _check(spec, encoder)
    return encoder


def _check(spec: str, encoder: Any) -> None:
    """Refuse what gives no single score, or would give a random one.

    Raises:
        UserError: says why.
    """
    kinds = [type(module).__name__ for module in encoder]
    if kinds != ["Transformer"]:
        raise UserError(
            f"model: {spec!r} is made of several modules ({', '.join(kinds)}), and only the first would be scored\n"
            "  Allowed: one transformers model for sequence classification with one label, or a language model."
        )
    if encoder.num_labels != 1:
        raise UserError(
            f"model: {spec!r} gives {encoder.num_labels} scores for a pair, and a reranker gives one (num_labels: 1)"
        )
    try:
        encoder.preprocess([("one", "two")])
    except ValueError as error:
        raise UserError(
            f"model: sentence-transformers makes no text of a pair for {spec!r}: {first_line(error)}\n"
            "  Give the tokenizer a chat template with turns for query and document, or none at all (delete "
            "chat_template.jinja): then the two texts are read as they are."
        ) from error
    missing = missing_weights(encoder[0].model, weight_files(spec))
    if missing:
        raise UserError(
            f"model: {spec!r} lacks {len(missing)} of the weights that its config.json asks for, such as {missing[0]}: "
            "an encoder without a trained head scores at random.\n  Name a trained reranker."
        )


def missing_weights(module: Any, files: Sequence[Path]) -> list[str]:
    """Names of a module's weights that none of its safetensors files holds; transformers would make them up.

    A name in the files may lack or have the backbone's prefix.
    """
    from safetensors import safe_open

    known: set[str] = set()
    for path in files:
        with safe_open(str(path), framework="pt") as file:
            known |= {name.replace(".gamma", ".weight").replace(".beta", ".bias") for name in file.keys()}  # noqa: SIM118
    prefix = f"{module.base_model_prefix}."
    known |= {name.removeprefix(prefix) for name in known}
    return [name for name, _ in module.named_parameters() if name.removeprefix(prefix) not in known]
