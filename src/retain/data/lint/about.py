"""What a set is about: its inputs in groups of like content, by words.

Words are weighted by TF-IDF, reduced to 50 directions (latent semantic analysis), put into many small clusters and the
clusters joined where they are about the same. The joining gives topics of their real sizes: k-means alone divides large
ones and lets small ones disappear. Source: Manning, Raghavan, Schuetze, Introduction to Information Retrieval, ch.
16-18.
Relations: for rows that are nearly the same text see `near.py`.
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
DIRECTIONS = 50
MOST_CLUSTERS = 200
ROWS_PER_CLUSTER = 10
"""Before joining; small enough that a topic of ten rows can have a cluster of its own."""
JOINED = 0.6
"""Clusters nearer than this (cosine distance, mean over pairs) are one topic."""
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
    names: tuple[str, ...]
    """The words that stand out in each topic."""
    order: tuple[int, ...]
    """Topics from the smallest to the largest."""

    @property
    def effective(self) -> float:
        """How many topics of equal size would be as varied: exp of the entropy of the shares."""
        shares = self.sizes / self.sizes.sum()
        return float(np.exp(-(shares * np.log(shares)).sum()))

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
    sizes = np.bincount(labels)
    named = tuple(_name(matrix[told][labels == topic], names) for topic in range(len(sizes)))
    order = tuple(int(topic) for topic in np.argsort(sizes, kind="stable"))
    return Topics(of, sizes, named, order)


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
    from sklearn.decomposition import TruncatedSVD
    from sklearn.preprocessing import normalize

    directions = min(DIRECTIONS, min(matrix.shape) - 1)
    if directions < 2:
        return np.zeros(matrix.shape[0], dtype=np.int64)
    reduced = normalize(TruncatedSVD(directions, random_state=0).fit_transform(matrix))
    number = min(MOST_CLUSTERS, matrix.shape[0] // ROWS_PER_CLUSTER)
    means = MiniBatchKMeans(number, random_state=0, n_init=1, batch_size=2048, max_iter=20)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # fewer distinct rows than clusters
        labels = means.fit_predict(reduced)
    used, labels = np.unique(labels, return_inverse=True)
    centres = means.cluster_centers_[used]
    centres[np.linalg.norm(centres, axis=1) < 1e-6, 0] = 1e-6
    if len(used) < 2:
        return np.zeros(matrix.shape[0], dtype=np.int64)
    joining = AgglomerativeClustering(n_clusters=None, metric="cosine", linkage="average", distance_threshold=JOINED)
    return np.asarray(joining.fit_predict(centres)[labels], dtype=np.int64)


def _name(rows: Any, names: NDArray[Any], most: int = 4) -> str:
    mean = np.asarray(rows.mean(axis=0)).ravel()
    best = [place for place in np.argsort(-mean, kind="stable")[:most] if mean[place] > 0]
    return ", ".join(str(names[place]) for place in best)
