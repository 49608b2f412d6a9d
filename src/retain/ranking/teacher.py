"""Whose margins a reranker learns: another reranker, or an embedder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from retain.models.base import Pair
from retain.models.load_reranker import is_embedder, load_reranker
from retain.ranking.embedder import embedded, load_embedder

SCALE = 20.0
"""Logits of a cosine of one, as embedders' own contrastive losses scale them (sentence-transformers' default)."""


class Teacher(Protocol):
    """Something that scores pairs."""

    def score_pairs(self, pairs: Sequence[Pair], max_tokens: int) -> list[float]:
        """A score of each pair."""
        ...


def load_teacher(spec: str) -> Teacher:
    """Load a reranker or an embedder, whichever it is.

    Args:
        spec: a folder or a Hub id.

    Raises:
        UserError: there is no such model.
    """
    return EmbedderTeacher(load_embedder(spec)) if is_embedder(spec) else load_reranker(spec)


class EmbedderTeacher:
    """Cosine similarity of query and document, times 20.

    An encoder with a new head that learns these margins becomes a reranker without any judgement; it is about as good
    as the embedder, and further training on judged queries starts from there.

    Args:
        model: a sentence-transformers model.
    """

    def __init__(self, model: Any) -> None:
        self.model = model

    def score_pairs(self, pairs: Sequence[Pair], max_tokens: int) -> list[float]:
        """A score of each pair; texts are cut at the embedder's own length or at ``max_tokens``, if that is less."""
        longest = self.model.max_seq_length
        self.model.max_seq_length = min(max_tokens, longest or max_tokens)
        queries, documents = (list(dict.fromkeys(texts)) for texts in zip(*pairs, strict=True))
        asked = dict(zip(queries, embedded(self.model, queries, "query"), strict=True))
        found = dict(zip(documents, embedded(self.model, documents, "document"), strict=True))
        self.model.max_seq_length = longest
        return [SCALE * float(asked[query] @ found[document]) for query, document in pairs]
