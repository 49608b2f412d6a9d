"""Before stage 4, where a reranker is trained: the documents that do not answer the training queries."""

from __future__ import annotations

from retain.mitigations.general_groups import as_reranker
from retain.models.base import Pair
from retain.ranking.embedder import Embedder
from retain.ranking.first_stage import Bm25
from retain.ranking.judged import RankingData
from retain.ranking.negatives import Counts, FirstStage, add_negatives
from retain.ranking.read import read_ranking
from retain.records import Record, content_hash
from retain.stages.run_folder import RunFolder
from retain.stages.setting_up import Workbench
from retain.training.ranking_settings import ROWS, NegativesSettings

MANY = 0.1
"""Share of queries for which nothing was mined from which on it is said."""


class Mined(Record):
    """Which documents were taken: row id -> hashes of their texts."""

    negatives: dict[str, list[str]]
    counts: Counts


def find_negatives(run: RunFolder, bench: Workbench) -> Mined | None:
    """Give the training rows their negatives; nothing to do for a language model.

    Raises:
        UserError: the embedder cannot be loaded.
    """
    if run.recipe.training.method != "rank":
        return None
    if run.recipe.training.groups.teacher == ROWS:
        bench.notes.append("documents that do not answer: those that the rows score; none were mined")
        return None
    if any(row.teacher_scores for row in bench.train_rows):
        bench.notes.append(
            "the rows give a teacher's scores, which are not read; loss: margin_mse with teacher: rows learns them"
        )
    data = read_ranking(run.recipe.data.train)
    mined = run.once("negatives", Mined, lambda: _mine(run, bench, data), "Finding hard negatives", alone=True)
    known = {content_hash(text): text for row in bench.train_rows for text in row.negatives}
    known |= {content_hash(text): text for text in data.documents}
    bench.train_rows = tuple(
        row.model_copy(update={"negatives": tuple(known[key] for key in mined.negatives[row.id])})
        for row in bench.train_rows
    )
    bench.notes += _notes(mined.counts)
    if mined.counts.unmined > MANY * mined.counts.wanting:
        run.progress.say(f"  {_unmined(mined.counts)}")
    return mined


def _mine(run: RunFolder, bench: Workbench, data: RankingData) -> Mined:
    training = run.recipe.training
    settings = training.groups.negatives

    def score(pairs: list[Pair]) -> list[float]:
        return as_reranker(bench.base()).score_pairs(pairs, training.max_length)

    rows, counts = add_negatives(
        bench.train_rows,
        data.documents,
        training.groups.group_size - 1,
        run.recipe.seed,
        _first_stage(settings, data),
        settings.ranks,
        score if settings.filter is not None else None,  # type: ignore[arg-type]
        settings.filter or 0.0,
        training.groups.positives,
    )
    return Mined(negatives={row.id: [content_hash(text) for text in row.negatives] for row in rows}, counts=counts)


def _first_stage(settings: NegativesSettings, data: RankingData) -> FirstStage | None:
    if settings.mine == "none":
        return None
    return Embedder(data.documents, settings.embedder) if settings.embedder else Bm25(data.documents)


def _notes(counts: Counts) -> list[str]:
    """What a reader of the report must know of the negatives."""
    said = {
        f"documents that do not answer: {counts.given} given by the rows, {counts.mined} mined": 1,
        f"{counts.filtered} mined documents were dropped, since the base scores them above a relevant one": (
            counts.filtered
        ),
        _unmined(counts): counts.unmined > MANY * counts.wanting,
        f"{counts.drawn} documents were drawn from the whole source, where a query had too few others": counts.drawn,
        f"{counts.missing} documents are missing to full groups: the source has no more": counts.missing,
    }
    return [note for note, count in said.items() if count]


def _unmined(counts: Counts) -> str:
    return (
        f"nothing could be mined for {counts.unmined} of {counts.wanting} queries: they train against documents drawn "
        "at random, which are easy to tell from relevant ones. Where BM25 finds no common word, use mine: embedder"
    )
