"""Which kind of model is loaded: the kind that the probes measure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from retain.probes.base import Probe, of_rerankers

if TYPE_CHECKING:
    from retain.models.load import Precision
    from retain.models.rerank_prompt import RerankSettings
    from retain.models.transformers_model import TransformersModel

RERANKER = "reranker"


def loaded_as(probes: Sequence[Probe], load_in: str) -> str:
    """How a model is loaded for these probes, in words: one folder can be loaded in several ways.

    Raises:
        UserError: the probes measure different kinds of models.
    """
    return f"{load_in}, {RERANKER}" if of_rerankers(probes) else load_in


def load_for(
    probes: Sequence[Probe], spec: str, load_in: Precision, rerank: RerankSettings | None = None
) -> TransformersModel:
    """Load a model to measure it with these probes: a reranker where they rank, else a language model.

    Args:
        probes: what it is measured with.
        spec: a folder, a Hub id or a packaged model.
        load_in: precision of the weights.
        rerank: what a language model that ranks is asked; by default what its folder says.

    Raises:
        UserError: there is no such model, or the probes measure different kinds of models.
    """
    if of_rerankers(probes):
        from retain.models.load_reranker import load_reranker

        return load_reranker(spec, load_in, rerank)
    from retain.models.load import load_causal

    return load_causal(spec, load_in)
