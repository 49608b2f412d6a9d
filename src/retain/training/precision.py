"""In which precision weights are kept while they are trained."""

from __future__ import annotations

from retain.models.transformers_model import TransformersModel
from retain.models.update_files import is_adapter


def prepare_precision(model: TransformersModel) -> None:
    """Trained weights are kept in fp32 and used in the model's precision: bf16 would round small updates away.

    Without an adapter frozen norms are in fp32 too: torch's LayerNorm takes no bf16 weights with the fp32 activations
    that trained weights give.
    """
    import torch

    full = not is_adapter(model.module)
    for parameter in model.module.parameters():
        kept = parameter.requires_grad or (full and parameter.dim() == 1)
        if kept and parameter.dtype != torch.float32:
            parameter.data = parameter.data.float()
