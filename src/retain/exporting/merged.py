"""One model without an adapter: base + strength * update, in any precision."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, Literal

from retain.errors import UserError
from retain.exporting.source import Source
from retain.folder import disk_errors
from retain.models.load import Precision, load_causal, on_its_base, own_tokenizer
from retain.models.rerank_prompt import RerankSettings
from retain.models.transformers_model import TransformersModel

Dtype = Literal["fp32", "bf16"]
DTYPES: tuple[Dtype, ...] = ("fp32", "bf16")


def load_source(source: Source, load_in: Precision | None = None) -> TransformersModel:
    """What is exported, as it was measured."""
    return _load(source, str(source.folder), load_in or source.load_in)


def merged_model(source: Source, dtype: Dtype) -> TransformersModel:
    """The tuned model with its update in its weights.

    The base is the one that was measured: loaded in the run's precision, 4-bit weights as the numbers that they stand
    for. The update is added to it in fp32, one layer at a time, and the sum is rounded once, to ``dtype``. The strength
    is in the saved adapter already, or in the saved weights.

    Raises:
        UserError: there is no such base, or the adapter is of a kind that no weights can stand for.
    """
    if not source.adapter:
        model = load_source(source, dtype)
        return model.rebuilt(_cast(model.module, dtype))
    assert source.base is not None
    base = _load(source, source.base, source.load_in, source.recipe.model.rerank if source.recipe else None)
    if source.load_in == "4bit":
        base = base.rebuilt(base.module.dequantize())
    adapted = on_its_base(base.module, source.folder, source.base)
    model = base.rebuilt(merge(adapted, dtype))
    model.tokenizer = load_tokenizer(source, base.tokenizer)
    return model


def load_tokenizer(source: Source, other: Any) -> Any:
    """The tuned model's own tokenizer, where it has one."""
    own = own_tokenizer(source.folder)
    return other if own is None else own


def merge(adapted: Any, dtype: Dtype) -> Any:
    """A PEFT model as a plain one in ``dtype``; each layer's sum is computed in fp32. The model given is used up.

    Raises:
        UserError: the adapter adds something else than a change of weights, or holds NaN.
    """
    import torch
    from peft.tuners.tuners_utils import BaseTunerLayer

    if not hasattr(adapted.base_model, "merge_and_unload"):
        kind = next(iter(adapted.peft_config.values())).peft_type
        raise UserError(
            f"a {getattr(kind, 'value', kind)} adapter changes no weights and cannot be merged; use --to adapter"
        )
    _untie(adapted)
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a layer is merged already, and that an untied head is
            for layer in [one for one in adapted.modules() if isinstance(one, BaseTunerLayer)]:
                inner = layer.get_base_layer()
                inner.float()
                layer.merge(safe_merge=True)
                inner.to(_torch(dtype))
            plain = adapted.merge_and_unload()
    except ValueError as error:
        raise UserError(f"the adapter cannot be merged: {error}") from None
    return _cast(plain, dtype).eval()


def _untie(adapted: Any) -> None:
    """Give the output head weights of its own where the update means the head or the embeddings alone."""
    import torch
    from peft.tuners.tuners_utils import BaseTunerLayer

    module = adapted.get_base_model()
    head, embeddings = module.get_output_embeddings(), module.get_input_embeddings()
    if head is None or not any(isinstance(one, BaseTunerLayer) for one in (head, embeddings)):
        return
    inner = head.get_base_layer() if isinstance(head, BaseTunerLayer) else head
    other = embeddings.get_base_layer() if isinstance(embeddings, BaseTunerLayer) else embeddings
    if inner.weight is other.weight:
        inner.weight = torch.nn.Parameter(other.weight.detach().clone(), requires_grad=False)
        module.config.tie_word_embeddings = False


def save_merged(model: TransformersModel, folder: Path) -> None:
    """Write the model as safetensors, with tokenizer, chat template and generation settings."""
    with disk_errors(folder):
        model.save(folder)


def _cast(module: Any, dtype: Dtype) -> Any:
    module = module.to(_torch(dtype))
    module.config.dtype = _torch(dtype)
    return module


def _torch(dtype: Dtype) -> Any:
    import torch

    return torch.float32 if dtype == "fp32" else torch.bfloat16


def _load(source: Source, spec: str, load_in: Precision, rerank: RerankSettings | None = None) -> TransformersModel:
    if source.reranker:
        from retain.models.load_reranker import load_reranker

        return load_reranker(spec, load_in, rerank)
    return load_causal(spec, load_in)
