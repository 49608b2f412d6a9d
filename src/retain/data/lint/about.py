"""What a set is about: its inputs in groups of like content, by words.

Inputs are weighted words (TF-IDF), put into many small clusters (k-means), and clusters that are about the same are
joined (average linkage). The joining gives topics of their real sizes: k-means alone divides large ones. Reducing the
words to fewer directions first (latent semantic analysis) was tried and dropped: small topics have no direction of
their own, and 4 of 10 planted ones were found instead of 6 (docs/LOG.md, 2026-11-22). Source: Manning, Raghavan,
Schuetze, Introduction to Information Retrieval, ch. 16 and 17. Relations: for rows that are nearly the same text see
`near.py`.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEAST_ROWS = 100
"""Fewer rows have no topics worth counting."""
MOST_CLUSTERS = 300
ROWS_PER_CLUSTER = 10
"""Before joining; small enough that a topic of ten rows can have a cluster of its own."""
JOINED = 0.9
"""Clusters nearer than this (cosine distance, mean over pairs) are one topic. Clusters of one topic share the few words
that most of its rows have, those of two topics next to none."""
OWN = 0.6
"""A word is a topic's own where so large a share of the rows that have it are the topic's."""
OFTEN = 0.25
"""And where at least this share of the topic's rows, and two, have it."""
LONGEST = 1000
"""Characters of an input that are read: its subject shows in the first few sentences."""
MOST_WORDS = 20_000
TEMPLATE = 0.5
"""Words in more of the rows are the template of the set, not the subject of a row."""
TOKEN = r"[^\W\d_]{2,}"


@dataclass(frozen=True)
class Topics:
    """Rows by what they are about."""

    of: NDArray[np.int64]
    """The topic of each row; -1 for a row without a word that another row has."""
    sizes: NDArray[np.int64]
    """Rows of each topic."""
    own: tuple[tuple[str, ...], ...]
    """The words of each topic that hardly any other row has, the most frequent first."""

    @property
    def usual(self) -> float:
        """The size of the topic that a row drawn at random is in, on average."""
        return float((self.sizes**2).sum() / self.sizes.sum())

    def rows(self, topic: int) -> list[int]:
        """The places of a topic's rows."""
        return [int(place) for place in np.flatnonzero(self.of == topic)]


def find_topics(texts: Sequence[str]) -> Topics | None:
    """The topics of a set; None for fewer than 100 rows, or rows that share no words."""
    if len(texts) < LEAST_ROWS:
        return None
    words = _weights(texts)
    if words is None:
        return None
    matrix, names = words
    told = np.flatnonzero(matrix.getnnz(axis=1) > 0)
    if len(told) < LEAST_ROWS:
        return None
    labels = _cluster(matrix[told])
    of = np.full(len(texts), -1, dtype=np.int64)
    of[told] = labels
    return Topics(of, np.bincount(labels), _own_words(matrix[told], labels, names))


def _weights(texts: Sequence[str]) -> tuple[Any, NDArray[Any]] | None:
    from sklearn.feature_extraction.text import TfidfVectorizer

    options: dict[str, Any] = {"stop_words": "english", "min_df": 2, "max_df": TEMPLATE, "max_features": MOST_WORDS}
    vectorizer = TfidfVectorizer(sublinear_tf=True, token_pattern=TOKEN, dtype=np.float32, **options)
    try:
        matrix = vectorizer.fit_transform(text[:LONGEST] for text in texts)
    except ValueError:  # no word is in two rows and not in most
        return None
    return matrix, vectorizer.get_feature_names_out()


def _cluster(matrix: Any) -> NDArray[np.int64]:
    from sklearn.cluster import AgglomerativeClustering, MiniBatchKMeans

    number = min(MOST_CLUSTERS, matrix.shape[0] // ROWS_PER_CLUSTER)
    means = MiniBatchKMeans(number, random_state=0, n_init=1, batch_size=2048, max_iter=20, reassignment_ratio=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # fewer distinct rows than clusters
        used, labels = np.unique(means.fit_predict(matrix), return_inverse=True)
    if len(used) < 2:
        return np.zeros(matrix.shape[0], dtype=np.int64)
    joining = AgglomerativeClustering(n_clusters=None, metric="cosine", linkage="average", distance_threshold=JOINED)
    return np.asarray(joining.fit_predict(means.cluster_centers_[used])[labels], dtype=np.int64)


def _own_words(matrix: Any, labels: NDArray[np.int64], names: NDArray[Any]) -> tuple[tuple[str, ...], ...]:
    has = (matrix > 0).astype(np.int32)
    everywhere = np.asarray(has.sum(axis=0)).ravel()
    found = []
    for topic in range(int(labels.max()) + 1):
        rows = has[labels == topic]
        here = np.asarray(rows.sum(axis=0)).ravel()
        own = np.flatnonzero((here >= max(2, OFTEN * rows.shape[0])) & (here >= OWN * everywhere))
        found.append(tuple(str(names[place]) for place in own[np.argsort(-here[own], kind="stable")]))
    return tuple(found)
