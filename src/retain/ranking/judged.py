"""Queries with judged documents, put together row by row, each query once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from retain.data.example import Example
from retain.records import content_hash

NONE: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True)
class RankingData:
    """The queries of a source, and all documents that it knows."""

    source: str
    format: str
    """How the rows were spelled, for people."""
    examples: tuple[Example, ...]
    """One for each query, of the shape ``ranking``; without positives where nothing was judged relevant."""
    documents: tuple[str, ...]
    """Every document once, in the source's order."""
    files: tuple[str, ...] = ()
    """What was read."""
    query_ids: Mapping[str, str] = field(default_factory=dict)
    """Example id -> the query's id in the source, where it has ids."""
    document_ids: Mapping[str, str] = field(default_factory=dict)
    """Document's id in the source -> its text."""
    both: int = 0
    """Documents that were judged relevant and not relevant for one query; they count as relevant."""

    @property
    def listed(self) -> bool:
        """Whether each judged query brings the documents that are to be ranked, relevant ones and others."""
        judged = [one for one in self.examples if one.positives]
        return bool(judged) and all(one.negatives for one in judged)


class Gathered:
    """Collects judgements; rows with the same query become one."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._grades: dict[str, dict[str, float]] = {}
        self._lines: dict[str, int] = {}
        self._taught: dict[str, dict[str, float]] = {}
        self.both = 0

    def add(self, query: str, grades: Mapping[str, float], line: int, taught: Mapping[str, float] = NONE) -> None:
        """Add documents of a query: text -> grade, above 0 for relevant. The higher grade of a document stays.

        ``taught``: text -> a teacher's score; the first one of a document stays.
        """
        self._taught[query] = {**taught, **self._taught.get(query, {})}
        known = self._grades.setdefault(query, {})
        self._lines.setdefault(query, line)
        for document, grade in grades.items():
            if document in known:
                self.both += (known[document] > 0) != (grade > 0)
                grade = max(grade, known[document])
            known[document] = grade

    def examples(self) -> tuple[Example, ...]:
        """One for each query, in the order in which they first came."""
        return tuple(
            ranking_example(query, grades, self.source, self._lines[query], self._taught[query])
            for query, grades in self._grades.items()
        )


def ranking_example(
    query: str, grades: Mapping[str, float], source: str = "", line: int = 0, taught: Mapping[str, float] = NONE
) -> Example:
    """A query with judged documents: text -> grade, above 0 for relevant.

    ``taught``: text -> a teacher's score; they are kept where every document has one.
    """
    positives = {document: grade for document, grade in grades.items() if grade > 0}
    negatives = tuple(document for document, grade in grades.items() if grade <= 0)
    graded = tuple(positives.values()) if any(grade != 1 for grade in positives.values()) else ()
    texts = (*positives, *negatives)
    scores = tuple(taught[text] for text in texts) if all(text in taught for text in texts) else ()
    own = (sorted(zip(texts, scores, strict=True)),) if scores else ()
    return Example(
        id=content_hash("ranking", query, sorted(positives.items()), sorted(negatives), *own),
        shape="ranking",
        query=query,
        positives=tuple(positives),
        negatives=negatives,
        grades=graded,
        teacher_scores=scores,
        source=source,
        line=line,
    )


def graded(example: Example) -> dict[str, float]:
    """The documents that were judged: text -> grade, 0 for the negatives."""
    grades = example.grades or (1.0,) * len(example.positives)
    return {**dict.fromkeys(example.negatives, 0.0), **dict(zip(example.positives, grades, strict=True))}


def taught_scores(example: Example) -> dict[str, float]:
    """What a teacher gave each document: text -> score; empty where the row has no scores."""
    if not example.teacher_scores:
        return {}
    return dict(zip((*example.positives, *example.negatives), example.teacher_scores, strict=True))


def distinct(documents: Iterable[str]) -> tuple[str, ...]:
    """Each document once, in its first place."""
    return tuple(dict.fromkeys(documents))
