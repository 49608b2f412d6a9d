"""Search by meaning: cosine similarity of sentence embeddings. Needs the extra ``embeddings``."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retain.advice.retrievers.base import best
from retain.errors import MissingExtraError, UserError, install_extra
from retain.records import content_hash

Embedder = Callable[[list[str]], NDArray[Any]]
"""Texts -> (texts, width) vectors of any length."""


class Embeddings:
    """Cosine similarity of embeddings over some texts.

    Args:
        texts: what is searched.
        embed: gives the vectors.
        model: what the embedder is called.
    """

    def __init__(self, texts: Sequence[str], embed: Embedder, model: str) -> None:
        self.name = f"embeddings of {model}"
        self._embed = embed
        self._vectors = _unit(embed(list(texts)))

    @property
    def fingerprint(self) -> str:
        """Of the vectors: a model's name may come to mean another model, as a folder's does that was trained again."""
        return content_hash(self.name, hashlib.sha256(self._vectors.tobytes()).hexdigest())

    @property
    def storage_bytes(self) -> int:
        """The vectors."""
        return int(self._vectors.nbytes)

    def top(self, question: str, count: int) -> list[int]:
        """Places of the texts whose vectors point most in the question's direction."""
        return best(self._vectors @ _unit(self._embed([question]))[0], count)


def _unit(vectors: NDArray[Any]) -> NDArray[np.float32]:
    """Vectors of length one; zero stays zero."""
    plain = np.asarray(vectors, dtype=np.float32)
    return np.asarray(plain / np.maximum(np.linalg.norm(plain, axis=1, keepdims=True), 1e-12), dtype=np.float32)


@cache
def load_embedder(model: str) -> Embedder:
    """A sentence-transformers model as an embedder.

    Raises:
        MissingExtraError: sentence-transformers is not installed.
        UserError: there is no such model.
    """
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError:
        raise MissingExtraError(
            "advise.retriever: embeddings needs sentence-transformers, which", install_extra("embeddings")
        ) from None
    try:
        loaded = SentenceTransformer(model, trust_remote_code=False, model_kwargs={"use_safetensors": True})
    except (OSError, ValueError, RuntimeError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(
            f"advise.embedding_model: {model!r} could not be loaded: {reason}\n"
            "  Name a sentence-transformers model (a folder, or a Hub id that this machine can reach), or use "
            "retriever: bm25."
        ) from error
    return lambda texts: np.asarray(loaded.encode(texts, show_progress_bar=False))
