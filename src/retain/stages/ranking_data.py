"""The data of a run that trains a reranker: queries, their documents, the task's probes and general rankings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from retain.data.example import Example
from retain.data.general import GeneralRows
from retain.data.overlap import refuse_overlaps
from retain.data.splits import Splits, sample
from retain.errors import UserError, naming
from retain.probes.base import Probe
from retain.probes.ranking import Ranking
from retain.probes.ranking_sets import Part, with_items
from retain.ranking.first_stage import BM25, candidates
from retain.ranking.judged import RankingData
from retain.ranking.negatives import Score, in_window, without_answers
from retain.ranking.read import read_ranking
from retain.recipe import GeneralSettings, HeldOutFiles, Recipe
from retain.training.ranking_settings import NegativesSettings

MOST_CANDIDATES = 32
"""Documents that a general query is kept with."""


class Sources(NamedTuple):
    """Where the queries of each part come from.

    Attributes:
        train: of the training rows.
        dev: of the dev rows; the training rows' where a share of them is held out.
        test: of the test rows, likewise.
        shifted: of the shifted rows, where there are any.
    """

    train: RankingData
    dev: RankingData
    test: RankingData
    shifted: RankingData | None


def read_sources(recipe: Recipe) -> Sources:
    """Read everything that a recipe names as training and held-out rows.

    Raises:
        UserError: a source cannot be read, or has no query with a relevant document.
    """
    held_out = recipe.data.held_out
    train = _judged("data.train", recipe.data.train, "train")
    if not isinstance(held_out, HeldOutFiles):
        return Sources(train, train, train, None)
    dev = _judged("data.held_out.dev", held_out.dev, "test") if isinstance(held_out.dev, str) else train
    shifted = _judged("data.held_out.shifted", held_out.shifted, "test") if held_out.shifted else None
    return Sources(train, dev, _judged("data.held_out.test", held_out.test, "test"), shifted)


def _judged(key: str, source: str, part: Any) -> RankingData:
    with naming(key):
        data = read_ranking(source, part)
        if not any(row.positives for row in data.examples):
            raise UserError(f"{source}: no query has a relevant document: nothing can be learned or measured on it")
    return data


def judged_rows(data: RankingData) -> list[Example]:
    """The queries with a relevant document."""
    return [row for row in data.examples if row.positives]


def check_taught(rows: Sequence[Example]) -> None:
    """Refuse training rows without the scores of a teacher.

    Raises:
        UserError: says how many have none, and where the first one stands.
    """
    untaught = [row for row in rows if not row.teacher_scores]
    if untaught:
        first = untaught[0]
        raise UserError(
            "data.train: training.ranking.teacher: rows needs a score of every document, in pos_scores and neg_scores, "
            f"and {len(untaught)} of {len(rows)} queries have none (the first: {first.source}:{first.line}).\n"
            "  Add them, or name a model as the teacher."
        )


def ranking_summary(sources: Sources, splits: Splits) -> dict[str, Any]:
    """What a report says of the data."""
    train = sources.train
    held = [one for one in (sources.dev, sources.test, sources.shifted) if one is not None and one is not train]
    return {
        "shape": f"ranking ({train.format})",
        "queries read": len(train.examples),
        "without a relevant document": len(train.examples) - len(judged_rows(train)),
        "held out, without a relevant document": sum(len(one.examples) - len(judged_rows(one)) for one in held),
        "train": len(splits.train),
        "dev": len(splits.dev),
        "test": len(splits.test),
        "shifted": len(splits.shifted),
        "relevant documents of train": sum(len(row.positives) for row in splits.train),
        "documents of the source": len(train.documents),
        "judged relevant and not relevant at once (count as relevant)": train.both,
        "left out of train (query is held out)": len(splits.summary.removed_from_train),
    }


def ranking_probes(recipe: Recipe, splits: Splits, names: tuple[str, str]) -> list[Probe]:
    """The probes that measure the task on held-out queries; a shifted one where the recipe names such rows.

    Args:
        recipe: whose task it is.
        splits: the queries of each part.
        names: of the probe, and of the shifted one.
    """
    sources, task = read_sources(recipe), recipe.measure.task
    probe = Ranking(
        name=names[0],
        capability="task",
        limit=task.limit,
        metric=task.metric,
        candidates=task.candidates,
        first_stage=task.first_stage,
        max_tokens=recipe.training.max_length,
    )
    probes: list[Probe] = [
        with_items(probe, [Part(sources.dev, splits.dev, "dev"), Part(sources.test, splits.test, "test")])
    ]
    if sources.shifted is not None and splits.shifted:
        shifted = probe.model_copy(update={"name": names[1]})
        probes.append(with_items(shifted, [Part(sources.shifted, splits.shifted, "test")]))
    return probes


def general_rankings(
    wanted: GeneralSettings, seed: int, texts: dict[str, Any], mining: NegativesSettings, score: Score
) -> GeneralRows:
    """A general set's queries, each with up to 32 documents: what its rows name, then BM25's over the set's own.

    What nobody judged is taken as for training: between the same ranks, without what reads like a named document, and
    where the recipe filters mined documents without those that the base holds for answers.

    Args:
        wanted: the set.
        seed: of the queries that are drawn.
        texts: the probes' items, which must not be among them.
        mining: how documents for training are mined.
        score: scores pairs for the filter.

    Raises:
        UserError: the source is bad, or its queries are a probe's.
    """
    data = read_ranking(wanted.source)
    rows = sample(data.examples, wanted.count, seed)
    refuse_overlaps(rows, texts)
    named = [len(row.positives) + len(row.negatives) for row in rows]
    searched = min(mining.ranks[0] - 1 + MOST_CANDIDATES, mining.ranks[1]) + max(named, default=0)
    found = candidates(data, BM25, searched, rows)
    pools = [
        in_window(row, one or (), mining.ranks)[: max(0, MOST_CANDIDATES - count)]
        for row, one, count in zip(rows, found, named, strict=True)
    ]
    if mining.filter is not None:
        pools = without_answers(rows, pools, score, mining.filter)
    return GeneralRows(
        rows=[
            row.model_copy(update={"negatives": (*row.negatives, *pool), "teacher_scores": ()})
            for row, pool in zip(rows, pools, strict=True)
        ]
    )
