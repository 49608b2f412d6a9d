"""BEIR folders: ``corpus.jsonl``, ``queries.jsonl`` and ``qrels/<part>.tsv``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from retain.data.rows import Row, kind_of
from retain.data.sources import read_rows
from retain.errors import UserError, listed
from retain.ranking.judged import Gathered, RankingData, distinct, ranking_example

Part = Literal["train", "test"]
CORPUS, QUERIES, QRELS = "corpus.jsonl", "queries.jsonl", "qrels"
COLUMNS = ("query-id", "corpus-id", "score")


def beir_place(path: Path) -> Path | None:
    """The BEIR folder that a path names, itself or by one of its qrels; None where it is none."""
    folder = path.parent.parent if path.parent.name == QRELS else path
    return folder if all((folder / name).is_file() for name in (CORPUS, QUERIES)) else None


def read_beir(path: Path, part: Part) -> RankingData:
    """Read a folder, or the part of it whose qrels file is named.

    A document is its title and its text with a space between. Queries without judgement are left out, unless the folder
    has no qrels at all: then all are read, without positives.

    Args:
        path: the folder, or ``<folder>/qrels/<part>.tsv``.
        part: which qrels are meant where a folder has several.

    Raises:
        UserError: a file is missing or bad, or qrels name what is not there.
    """
    folder = beir_place(path)
    assert folder is not None
    corpus, queries = folder / CORPUS, folder / QUERIES
    documents = {key: text for key, text in _texts(corpus, ("title", "text"))}
    asked = dict(_texts(queries, ("text",)))
    qrels = _qrels_file(path, folder, part)
    files = tuple(str(one) for one in (corpus, queries, qrels) if one is not None)
    if qrels is None:
        examples = tuple(ranking_example(text, {}, str(queries)) for text in distinct(asked.values()))
        ids = {text: key for key, text in asked.items()}
        return RankingData(
            str(path), "BEIR", examples, distinct(documents.values()), files,
            {one.id: ids[one.query] for one in examples}, documents,
        )  # fmt: skip
    gathered, ids = _judged(qrels, asked, documents)
    examples = gathered.examples()
    return RankingData(
        str(path), "BEIR", examples, distinct(documents.values()), files,
        {one.id: ids[one.query] for one in examples}, documents, gathered.both,
    )  # fmt: skip


def _qrels_file(path: Path, folder: Path, part: Part) -> Path | None:
    """The file that was named, else the part's, else the only one; None where there is none."""
    if path.parent.name == QRELS:
        if not path.is_file():
            raise UserError(f"{path} does not exist; {_known_qrels(folder)}")
        return path
    files = sorted((folder / QRELS).glob("*.tsv"))
    wanted = folder / QRELS / f"{part}.tsv"
    if wanted in files or not files:
        return wanted if files else None
    if len(files) > 1:
        raise UserError(f"{path} has no {QRELS}/{part}.tsv; name the file that you mean: {_known_qrels(folder)}")
    return files[0]


def _known_qrels(folder: Path) -> str:
    names = ", ".join(str(one) for one in sorted((folder / QRELS).glob("*.tsv")))
    return f"there is {names}" if names else f"{folder / QRELS} holds no .tsv file"


def _texts(file: Path, keys: tuple[str, ...]) -> list[tuple[str, str]]:
    """(id, text) of each row; the values of ``keys`` with a space between."""
    found, problems, seen = [], [], set()
    for row in read_rows(str(file)):
        key = row.value.get("_id")
        parts = [row.value.get(name) or "" for name in keys]
        if not isinstance(key, str | int) or isinstance(key, bool):
            problems.append(f"{file}:{row.line}: `_id` is {kind_of(key)}, expected a string")
        elif not all(isinstance(one, str) for one in parts):
            problems.append(f"{file}:{row.line}: {' or '.join(keys)} is no string")
        elif str(key) in seen:
            problems.append(f"{file}:{row.line}: the _id {key} is there twice")
        else:
            found.append((str(key), " ".join(one for one in parts if one.strip())))
        seen.add(str(key))
    if problems:
        raise UserError(f"{file}: {len(problems)} rows cannot be used.\n{listed(problems)}")
    return found


def _judged(qrels: Path, queries: Mapping[str, str], documents: Mapping[str, str]) -> tuple[Gathered, dict[str, str]]:
    """The judgements, and the id of each query's text."""
    gathered, ids, problems = Gathered(str(qrels)), dict[str, str](), list[str]()
    for row in read_rows(str(qrels)):
        try:
            query, document, grade = _judgement(row, queries, documents)
        except ValueError as error:
            problems.append(f"{qrels}:{row.line}: {error}")
            continue
        ids.setdefault(queries[query], query)
        gathered.add(queries[query], {documents[document]: grade}, row.line)
    if problems:
        raise UserError(f"{qrels}: {len(problems)} rows cannot be used.\n{listed(problems)}")
    return gathered, ids


def _judgement(row: Row, queries: Mapping[str, str], documents: Mapping[str, str]) -> tuple[str, str, float]:
    if not set(COLUMNS) <= set(row.value):
        raise ValueError(f"columns are {', '.join(row.value)}; expected {', '.join(COLUMNS)}")
    query, document, score = (str(row.value[name]) for name in COLUMNS)
    if query not in queries:
        raise ValueError(f"there is no query {query} in {QUERIES}")
    if not queries[query].strip():
        raise ValueError(f"the query {query} is empty")
    if document not in documents:
        raise ValueError(f"there is no document {document} in {CORPUS}")
    return query, document, _grade(score)


def _grade(score: str) -> float:
    """A whole number, also where it is written as ``1.0``."""
    try:
        grade = float(score)
    except ValueError:
        grade = 0.5
    if not grade.is_integer():
        raise ValueError(f"score is {score!r}, expected a whole number: 0 for not relevant, 1 or more for relevant")
    return grade
