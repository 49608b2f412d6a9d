"""Ranking data from any of the shapes that people have; which one it is, is detected.

| shape | what it looks like |
|---|---|
| BEIR | a folder with ``corpus.jsonl``, ``queries.jsonl`` and ``qrels/<part>.tsv``; or one of its qrels |
| rows | ``query`` with ``pos`` and ``neg`` (also positive and negative, anchor): strings or lists; a teacher's scores \
of them may stand in ``pos_scores`` and ``neg_scores`` |
| labelled pairs | ``query``, ``document`` (or passage, text) and ``label`` (or score, relevance), a pair a row |
| triples | MS MARCO's: query, relevant and other document between tabs, without a header |
| questions and answers | rows that a language model could be trained on: the answer is the relevant document |
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from retain.data.example import Example
from retain.data.formats import scan_examples
from retain.data.rows import refuse
from retain.errors import UserError
from retain.ranking.beir import CORPUS, QUERIES, Part, beir_place, read_beir
from retain.ranking.judged import Gathered, RankingData, distinct, graded, taught_scores
from retain.ranking.triples import is_triples, read_triples


def read_ranking(source: str, part: Part = "train") -> RankingData:
    """Queries with their judged documents, each query once.

    Args:
        source: a file, a BEIR folder or one of its qrels files, or a Hub data set.
        part: which qrels of a BEIR folder are meant where it has several.

    Raises:
        UserError: nothing can be read, rows are bad, or they are of a shape that holds no queries.
    """
    path = Path(os.path.expanduser(source))
    if beir_place(path) is not None:
        found = read_beir(path, part)
    elif path.is_dir():
        raise UserError(f"{source} is a folder without {CORPUS} and {QUERIES}; name a BEIR folder, or a file")
    elif is_triples(path):
        found = _data(source, "triples", read_triples(path), (str(path),))
    else:
        scan = scan_examples(source)
        refuse(source, scan.bad)
        files = (str(path),) if path.is_file() else ()
        found = _data(source, scan.format, _gathered(source, scan.examples), files)
    if not found.examples:
        raise UserError(f"{source} holds no query with a judged document")
    return found


def is_rankings(source: str) -> bool:
    """Whether a source can be nothing but rankings: a BEIR folder or a file of it, or triples."""
    path = Path(os.path.expanduser(source))
    return beir_place(path) is not None or is_triples(path)


def _gathered(source: str, rows: Sequence[Example]) -> Gathered:
    if rows and rows[0].shape not in ("ranking", "chat"):
        raise UserError(
            f"{source}: found {rows[0].shape} rows. Rankings are rows of query, pos and neg; pairs of query and "
            "document with a label; BEIR folders; triples; or questions with answers."
        )
    gathered = Gathered(source)
    for row in rows:
        if row.shape == "ranking":
            gathered.add(row.query, dict.fromkeys(row.negatives, 0.0), row.line, taught_scores(row))
            gathered.add(row.query, {text: grade for text, grade in graded(row).items() if grade > 0}, row.line)
        elif row.input.strip() and row.target.strip():
            gathered.add(row.input, {row.target: 1.0}, row.line)
    return gathered


def _data(source: str, name: str, gathered: Gathered, files: tuple[str, ...]) -> RankingData:
    examples = gathered.examples()
    documents = distinct(document for one in examples for document in (*one.positives, *one.negatives))
    return RankingData(source, name, examples, documents, files, both=gathered.both)
