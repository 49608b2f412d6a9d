"""Search by words: BM25 (Robertson et al. 1994) as bm25s computes it."""

from __future__ import annotations

from collections.abc import Sequence

import bm25s
import numpy as np

from retain.advice.retrievers.base import best

WORD = r"(?u)\b\w+\b"
"""Single letters and digits count as words too; bm25s leaves them out by itself."""


class Bm25:
    """BM25 over some texts, in lower case, without stemming or a list of stop words: it suits any language alike.

    Args:
        texts: what is searched.
    """

    name = f"bm25s {bm25s.__version__}"
    fingerprint = name

    def __init__(self, texts: Sequence[str]) -> None:
        self._count = len(texts)
        words = _words(texts)
        self._index = bm25s.BM25() if any(words) else None
        if self._index is not None:
            self._index.index(words, show_progress=False)

    @property
    def storage_bytes(self) -> int:
        """Scores, places and vocabulary."""
        if self._index is None:
            return 0
        arrays = [value for value in self._index.scores.values() if isinstance(value, np.ndarray)]
        return sum(array.nbytes for array in arrays) + sum(len(word.encode()) for word in self._index.vocab_dict)

    def top(self, question: str, count: int) -> list[int]:
        """Places of the texts with the greatest scores; texts that share no word with the question stand last."""
        words = _words([question])[0]
        known = [] if self._index is None else self._index.get_tokens_ids(words)
        scores = self._index.get_scores_from_ids(known) if self._index is not None and known else np.zeros(self._count)
        return best(scores, count)


def _words(texts: Sequence[str]) -> list[list[str]]:
    found: list[list[str]] = bm25s.tokenize(
        list(texts), token_pattern=WORD, stopwords=None, return_ids=False, show_progress=False
    )
    return found
