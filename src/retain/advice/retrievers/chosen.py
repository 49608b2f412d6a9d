"""The retriever that a recipe names."""

from __future__ import annotations

from collections.abc import Sequence

from retain.advice.retrievers import embeddings
from retain.advice.retrievers.base import Retriever
from retain.advice.retrievers.bm25 import Bm25
from retain.advice_settings import AdviseSettings


def retriever_over(texts: Sequence[str], settings: AdviseSettings) -> Retriever:
    """The retriever that the settings name, over some texts.

    Raises:
        MissingExtraError: sentence-transformers is asked for and not installed.
        UserError: the embedding model cannot be loaded.
    """
    if settings.retriever == "embeddings":
        model = settings.embedding_model
        return embeddings.Embeddings(texts, embeddings.load_embedder(model), model)
    return Bm25(texts)
