"""Makes ranking probes from sources of ranking data: their items, with the first stage's documents."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from retain.data.example import Example
from retain.errors import UserError
from retain.probes.ranking import AUTO, GIVEN, Ranking, RankingItem
from retain.ranking.first_stage import BM25, candidates
from retain.ranking.judged import RankingData, graded
from retain.ranking.read import read_ranking
from retain.records import Split, content_hash
from retain.sums import file_hash


def ranking_from(source: Any, settings: Mapping[str, Any], folder: Path) -> Ranking:
    """The probe that an entry of a suite describes.

    Args:
        source: what its ``items`` says: a source, or ``{dev: ..., test: ...}``.
        settings: its other keys.
        folder: where relative paths start.

    Raises:
        UserError: a source cannot be read, or has no query with a relevant document.
        pydantic.ValidationError: the settings are wrong.
    """
    given = dict(settings)
    if isinstance(given.get("first_stage"), str) and given["first_stage"] not in (AUTO, GIVEN, BM25):
        given["first_stage"] = str(folder / os.path.expanduser(given["first_stage"]))
    probe = Ranking.model_validate(given)
    if isinstance(source, Mapping) and source and set(source) <= {"dev", "test"}:
        parts: list[tuple[Split | None, Any]] = [("dev", source.get("dev")), ("test", source.get("test"))]
    else:
        parts = [(None, source)]
    read: list[Part] = []
    for split, one in parts:
        if one is None and split is not None:
            continue
        if not isinstance(one, str):
            raise UserError("items: name a BEIR folder, a file of rankings, or {dev: ..., test: ...} of them")
        data = read_ranking(one if one.startswith("hub:") else str(folder / os.path.expanduser(one)), "test")
        read.append(Part(data, data.examples, split))
    return with_items(probe, read)


def _portable(first_stage: str) -> str:
    """A first stage as a measurement's settings name it: a run by its content, wherever its file lies."""
    return first_stage if first_stage in (AUTO, GIVEN, BM25) else f"run {file_hash(Path(first_stage))[:12]}"


class Part(NamedTuple):
    """Queries of one source.

    Attributes:
        data: the source.
        rows: its queries that become items, where they have a relevant document.
        split: that they are in; a hash of each query decides when None.
    """

    data: RankingData
    rows: Sequence[Example]
    split: Split | None


def with_items(probe: Ranking, parts: Sequence[Part]) -> Ranking:
    """A ranking probe of the queries of some sources; of a query in several, the last one's stays.

    Args:
        probe: its settings.
        parts: the queries.

    Raises:
        UserError: a source has no query with a relevant document, or the first stage's run is wrong.
    """
    items: dict[str, RankingItem] = {}
    documents: dict[str, str] = {}
    unjudged = 0
    for part in parts:
        wanted = [row for row in part.rows if row.positives]
        if not wanted:
            raise UserError(f"{part.data.source}: no query has a relevant document, so that no ranking can be measured")
        unjudged += len(part.rows) - len(wanted)
        found = _first_stage(probe, part.data, wanted)
        documents |= {content_hash(text): text for texts in found for text in texts or ()}
        made = [_item(row, texts, part.split) for row, texts in zip(wanted, found, strict=True)]
        items |= {item.id: item for item in made}
    return probe.model_copy(
        update={
            "items": tuple(items.values()),
            "documents": documents,
            "first_stage": _portable(probe.first_stage),
            "unjudged": unjudged,
        }
    )


def _item(row: Example, texts: Sequence[str] | None, split: Split | None) -> RankingItem:
    return RankingItem(
        query=row.query,
        documents=None if texts is None else tuple(content_hash(text) for text in texts),
        grades={content_hash(text): grade for text, grade in graded(row).items()},
        split=split,
    )


def _first_stage(probe: Ranking, data: RankingData, rows: Sequence[Example]) -> Sequence[list[str] | None]:
    """The documents to rank for each query, the best of the first stage first; None where it has no such query."""
    stage = probe.first_stage
    if stage == AUTO:
        stage = GIVEN if data.listed and data.format != "BEIR" else BM25
    if stage != GIVEN:
        return candidates(data, stage, probe.candidates, rows)
    bare = [row for row in rows if not row.negatives]
    if bare:
        raise UserError(
            f"{data.source}: first_stage: given ranks the documents that rows bring, and {len(bare)} queries bring "
            f"relevant ones only, such as {bare[0].query[:60]!r}. Use bm25."
        )
    # In the order of their hashes: the file's own order would say which are relevant.
    return [sorted(graded(row), key=content_hash) for row in rows]
