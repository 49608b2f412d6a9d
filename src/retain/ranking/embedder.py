"""A first stage of embeddings: the documents whose vectors lie nearest to the query's, by sentence-transformers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from retain.errors import UserError, from_extra
from retain.models.fingerprint import weights_hash
from retain.models.load import device, first_line, hub_reachable
from retain.provenance import versions
from retain.ranking.first_stage import Found
from retain.records import content_hash
from retain.store import Store

BATCH = 32
BLOCK = 64
"""Queries whose similarities to all documents are held at a time."""


class Embedder:
    """Cosine similarity of embeddings; what was found is kept in the store.

    Args:
        documents: the corpus.
        name: a sentence-transformers model, a folder or a Hub id.

    Raises:
        UserError: there is no such model.
    """

    def __init__(self, documents: Sequence[str], name: str) -> None:
        self.documents = documents
        self.model = load_embedder(name)

    def search(self, queries: Sequence[str], count: int) -> list[list[int]]:
        """Places of ``count`` documents for each query, the nearest first; of equals the earlier one."""
        count = min(count, len(self.documents))
        asked = content_hash(list(queries)), content_hash(list(self.documents)), count
        key = content_hash(weights_hash(self.model), *asked, versions().get("sentence-transformers"), length=32)
        store = Store("embedded")
        known = store.read(key, Found)
        if known is None or len(known.places) != len(queries):
            asking = self._encoded(queries, "query")
            blocks = (asking[at : at + BLOCK] @ self._vectors.T for at in range(0, len(queries), BLOCK))
            known = Found(places=[nearest(near, count) for block in blocks for near in block])
            store.write(key, known)
        return known.places

    @cached_property
    def _vectors(self) -> Any:
        return self._encoded(self.documents, "document")

    def _encoded(self, texts: Sequence[str], kind: str) -> Any:
        return embedded(self.model, texts, kind)


def nearest(near: Any, count: int) -> list[int]:
    """Places of the ``count`` highest of some similarities, the highest first; of equals the earlier one."""
    import numpy as np

    if not 0 < count < near.size:
        return list(map(int, np.argsort(-near, kind="stable")[:count]))
    least = np.partition(near, near.size - count)[near.size - count]
    places = np.flatnonzero(near >= least)
    return list(map(int, places[np.argsort(-near[places], kind="stable")][:count]))


def load_embedder(name: str) -> Any:
    """A sentence-transformers model that gives texts vectors.

    Args:
        name: a folder or a Hub id.

    Raises:
        UserError: there is no such model.
    """
    sentence_transformers = from_extra("sentence_transformers", "rerank")
    try:
        return sentence_transformers.SentenceTransformer(
            name,
            device=device(),
            local_files_only=Path(name).exists() or not hub_reachable(),
            trust_remote_code=False,
            model_kwargs={"use_safetensors": True},
        )
    except Exception as error:  # a damaged folder can make transformers raise anything
        raise UserError(f"embedder: {name!r} could not be loaded: {first_line(error)}") from error


def embedded(model: Any, texts: Sequence[str], kind: str) -> Any:
    """Vectors of length one, (texts, width); ``kind`` is ``query`` or ``document``."""
    encode = model.encode_query if kind == "query" else model.encode_document
    return encode(list(texts), batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False)
