"""What a first stage finds: BM25 over a corpus, or a run that something else made."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from retain.data.example import Example
from retain.errors import UserError, from_extra, listed
from retain.folder import read_text
from retain.provenance import versions
from retain.ranking.judged import RankingData
from retain.ranking.unspaced import SCRIPTS, in_pairs
from retain.records import Record, content_hash
from retain.store import Store

BM25 = "bm25"
WORD = rf"(?u)[{SCRIPTS}]+|\b\w\w+\b"
"""bm25s' own words of two letters or more, and pairs of characters where a script has no spaces."""
RULE = 2
"""Version of how texts become words; raised whenever the same question would find other documents."""


class Found(Record):
    """For each query the places of the documents that were found, the best first."""

    places: list[list[int]]


class Bm25:
    """BM25 (Lucene's form, k1 = 1.5, b = 0.75) over documents, by bm25s; English stop words are left out.

    Scripts without spaces between words are read as pairs of neighbouring characters.

    What was found is kept in the store: the same question of the same documents is answered once.

    Args:
        documents: the corpus.
    """

    def __init__(self, documents: Sequence[str]) -> None:
        self.documents = documents

    def search(self, queries: Sequence[str], count: int) -> list[list[int]]:
        """Places of at most ``count`` documents for each query, the best first; of equals the earlier one.

        Only documents that share a word with the query are found.
        """
        if not queries:
            return []
        from_extra("bm25s", "rerank")
        key = content_hash(self._hash, content_hash(list(queries)), count, versions().get("bm25s"), RULE, length=32)
        store = Store("bm25")
        known = store.read(key, Found)
        if known is None or len(known.places) != len(queries):
            known = Found(places=self._search(queries, min(count, len(self.documents))))
            store.write(key, known)
        return known.places

    @cached_property
    def _hash(self) -> str:
        return content_hash(list(self.documents), length=32)

    @cached_property
    def _index(self) -> Any:
        """None where no document holds a word."""
        tokens = self._tokens(self.documents)
        if not any(tokens.ids):
            return None
        index = from_extra("bm25s", "rerank").BM25()
        index.index(tokens, show_progress=False)
        return index

    def _search(self, queries: Sequence[str], count: int) -> list[list[int]]:
        if not count or self._index is None:
            return [[] for _ in queries]
        found = self._index.retrieve(self._tokens(queries), k=count, show_progress=False)
        pairs = zip(found.documents.tolist(), found.scores.tolist(), strict=True)
        return [
            [place for place, score in sorted(zip(*one, strict=True), key=lambda hit: (-hit[1], hit[0])) if score > 0]
            for one in pairs
        ]

    @staticmethod
    def _tokens(texts: Sequence[str]) -> Any:
        tokenize = from_extra("bm25s", "rerank").tokenize
        return tokenize([in_pairs(text) for text in texts], token_pattern=WORD, stopwords="en", show_progress=False)


def candidates(
    data: RankingData, first_stage: str, count: int, rows: Sequence[Example] | None = None
) -> list[list[str] | None]:
    """The documents to rank for each query, the first stage's best first; None for a query that a run does not have.

    Args:
        data: queries and documents.
        first_stage: ``bm25``, or the path of a run in TREC's format (query, Q0, document, rank, score, name), whose ids
            are those of the source.
        count: at most this many for each query.
        rows: which of the queries; all when None.

    Raises:
        UserError: the run cannot be read, or has no query or document of this source.
    """
    asked = data.examples if rows is None else rows
    if first_stage == BM25:
        found = Bm25(data.documents).search([one.query for one in asked], count)
        return [[data.documents[place] for place in places] for places in found]
    run = read_run(Path(first_stage))
    if all(data.query_ids.get(one.id) not in run for one in asked):
        raise UserError(f"{first_stage}: none of the queries of {data.source} is in this run")
    listed = [run.get(data.query_ids.get(one.id, "")) for one in asked]
    return [None if ids is None else _known(ids, data, first_stage)[:count] for ids in listed]


def _known(ids: Sequence[str], data: RankingData, run: str) -> list[str]:
    unknown = [one for one in ids if one not in data.document_ids]
    if unknown:
        raise UserError(f"{run}: the document {unknown[0]} is not in {data.source} (nor {len(unknown) - 1} others)")
    return list(dict.fromkeys(data.document_ids[one] for one in ids))


def read_run(path: Path) -> Mapping[str, list[str]]:
    """A run in TREC's format: query id -> document ids, the highest score first.

    Raises:
        UserError: there is no such file, or lines are not of that format.
    """
    try:
        lines = read_text(path).splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"first_stage: {path} cannot be read as a run: {error}") from None
    scores: dict[str, dict[str, float]] = {}
    problems = []
    for number, line in enumerate(lines, 1):
        cells = line.split()
        try:
            if len(cells) != 6:
                raise ValueError
            query, _, document, _, score, _ = cells
            value = float(score)
            if not math.isfinite(value):
                raise ValueError
        except ValueError:
            problems += [f"{path}:{number}: expected query, Q0, document, rank, score, name"] if cells else []
            continue
        scores.setdefault(query, {})[document] = value
    if problems:
        raise UserError(f"{path} is no run in TREC's format:\n{listed(problems)}")
    return {query: sorted(found, key=lambda one: (-found[one], one)) for query, found in scores.items()}
