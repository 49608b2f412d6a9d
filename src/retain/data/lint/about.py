"""What a set is about: its inputs in groups of like content, by words.

Inputs are weighted words (TF-IDF) in which a word counts by how alike the inputs are that have it, itself left out:
words of a subject come with others of that subject, the rest come with anything. They are put into many small clusters
(k-means), and clusters that are about the same are joined (average linkage), which gives topics of their real sizes:
k-means alone divides large ones. It overlooks a small topic in which it does not start, so it starts several times.

Reducing the words to fewer directions (latent semantic analysis) was tried and dropped: small topics have no direction
of their own (docs/LOG.md, 2026-11-22, with what each part of this is good for). Source: Manning, Raghavan, Schuetze,
Introduction to Information Retrieval, ch. 16 and 17. Relations: for rows that are nearly the same text see `near.py`.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEAST_ROWS = 100
"""Fewer rows have no topics worth counting."""
MOST_CLUSTERS = 300
ROWS_PER_CLUSTER = 10
"""Before joining; small enough that a topic of ten rows can have a cluster of its own."""
STARTS = 5
ROUNDS = 2
"""Times that words are weighed, each time by likeness in the words as weighed before. A third finds fewer topics."""
MOST_ALIKE = 50
"""Rows of a word that are compared with each other."""
AT_ONCE = 2000
"""Words that are weighed at a time, for the memory it takes."""
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
    nearest: NDArray[np.float64]
    """How like each topic is to the topic most like it: the cosine of their centres, 0 to 1."""

    @property
    def usual(self) -> float:
        """The size of the topic that a row drawn at random is in, on average."""
        return float((self.sizes**2).sum() / self.sizes.sum())

    def rows(self, topic: int) -> list[int]:
        """The places of a topic's rows."""
        return [int(place) for place in np.flatnonzero(self.of == topic)]


def find_topics(texts: Sequence[str]) -> tuple[Topics, ...]:
    """The topics of a set as k-means finds them from several starts; empty for fewer than 100 rows that share words."""
    if len(texts) < LEAST_ROWS or (words := _weights(texts)) is None:
        return ()
    matrix, names = words
    for _ in range(ROUNDS):
        matrix = _normal(words[0].multiply(_telling(matrix)[None, :]).tocsr())
    told = np.flatnonzero(matrix.getnnz(axis=1) > 0)
    if len(told) < LEAST_ROWS:
        return ()
    return tuple(_topics(matrix[told], words[0][told], told, len(texts), names, start) for start in range(STARTS))


def _topics(matrix: Any, words: Any, told: NDArray[np.int64], number: int, names: NDArray[Any], start: int) -> Topics:
    labels = _cluster(matrix, start)
    of = np.full(number, -1, dtype=np.int64)
    of[told] = labels
    return Topics(of, np.bincount(labels), _own_words(words, labels, names), _nearest(matrix, labels))


def _weights(texts: Sequence[str]) -> tuple[Any, NDArray[Any]] | None:
    from sklearn.feature_extraction.text import TfidfVectorizer

    options: dict[str, Any] = {"stop_words": "english", "min_df": 2, "max_df": TEMPLATE, "max_features": MOST_WORDS}
    vectorizer = TfidfVectorizer(sublinear_tf=True, token_pattern=TOKEN, dtype=np.float32, **options)
    try:
        matrix = vectorizer.fit_transform(text[:LONGEST] for text in texts)
    except ValueError:  # no word is in two rows and not in most
        return None
    return matrix, vectorizer.get_feature_names_out()


def _normal(matrix: Any) -> Any:
    from sklearn.preprocessing import normalize

    matrix.eliminate_zeros()
    return normalize(matrix)


def _telling(matrix: Any) -> NDArray[np.float32]:
    """For each word the mean cosine of the rows that have it, the word itself left out; 0 where it says nothing."""
    held = _some_rows(matrix)
    found = np.zeros(matrix.shape[1], dtype=np.float32)
    lengths = np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel()
    for first in range(0, len(found), AT_ONCE):
        rows = held[:, first : first + AT_ONCE]
        number = np.asarray(rows.sum(axis=0)).ravel()
        its = rows.multiply(matrix[:, first : first + AT_ONCE])
        together = rows.T @ matrix
        all_pairs = (
            np.asarray(together.multiply(together).sum(axis=1)).ravel() - np.asarray(its.sum(axis=0)).ravel() ** 2
        )
        with_itself = rows.T @ lengths - np.asarray(its.multiply(its).sum(axis=0)).ravel()
        found[first : first + AT_ONCE] = (all_pairs - with_itself) / np.maximum(1, number * (number - 1))
    return found.clip(min=0)


def _some_rows(matrix: Any) -> Any:
    """Rows by words: 1 where the row has the word and is one of at most 50 such rows, evenly spread."""
    from scipy.sparse import csc_array

    by_word = matrix.tocsc()
    rows = [by_word.indices[start:end] for start, end in pairwise(by_word.indptr)]
    some = [own[:: math.ceil(len(own) / MOST_ALIKE) or 1] for own in rows]
    ends = np.cumsum([0, *map(len, some)])
    taken = np.concatenate(some)
    return csc_array((np.ones(len(taken), dtype=np.float32), taken, ends), shape=matrix.shape)


def _cluster(matrix: Any, start: int) -> NDArray[np.int64]:
    from sklearn.cluster import AgglomerativeClustering, MiniBatchKMeans

    number = min(MOST_CLUSTERS, matrix.shape[0] // ROWS_PER_CLUSTER)
    means = MiniBatchKMeans(number, random_state=start, n_init=1, batch_size=2048, max_iter=20, reassignment_ratio=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # fewer distinct rows than clusters
        used, labels = np.unique(means.fit_predict(matrix), return_inverse=True)
    if len(used) < 2:
        return np.zeros(matrix.shape[0], dtype=np.int64)
    joining = AgglomerativeClustering(n_clusters=None, metric="cosine", linkage="average", distance_threshold=JOINED)
    return np.asarray(joining.fit_predict(means.cluster_centers_[used])[labels], dtype=np.int64)


def _nearest(matrix: Any, labels: NDArray[np.int64]) -> NDArray[np.float64]:
    from scipy.sparse import csr_array

    number = int(labels.max()) + 1
    member = csr_array((np.ones(len(labels)), (labels, np.arange(len(labels)))), shape=(number, len(labels)))
    centres = _normal(member @ matrix)
    alike = np.asarray((centres @ centres.T).todense(), dtype=np.float64)
    np.fill_diagonal(alike, 0.0)
    return np.asarray(alike.max(axis=1))


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
