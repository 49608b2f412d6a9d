"""Stage 2: the general text that mitigations use, written by the base or read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from retain.data.example import Example
from retain.data.general import GeneralRows, keep_back, write_general
from retain.data.overlap import overlap_finder, refuse_overlaps
from retain.data.splits import sample
from retain.mitigations.base import GeneralSet
from retain.mitigations.general_groups import as_reranker
from retain.models.base import Limits, Pair
from retain.models.causal import as_language_model
from retain.recipe import GeneralSettings
from retain.records import Record
from retain.stages.prepare import OWN, read_general
from retain.stages.ranking_data import general_rankings
from retain.stages.run_folder import RunFolder
from retain.stages.setting_up import Workbench
from retain.store import Store


class GeneralText(Record):
    """All general sets of a run."""

    sets: dict[str, GeneralRows]


def general_text(run: RunFolder, bench: Workbench) -> dict[str, GeneralSet]:
    """The recipe's general sets by name, 20% of each kept back for the KL meter (of a reranker's nothing).

    Raises:
        UserError: a file is bad, or contains a probe's items (self-written rows that do are dropped and counted).
    """
    if not run.recipe.data.general:
        return {}
    texts = {probe.name: list(probe.texts()) for probe in bench.probes}

    def make() -> GeneralText:
        return GeneralText(sets={one.name: _rows(one, run, bench, texts) for one in run.recipe.data.general})

    found = run.once("general", GeneralText, make, "General text")
    sources = {one.name: one.source for one in run.recipe.data.general}
    sets = {}
    for name, written in found.sets.items():
        used, back = _kept_back(written.rows, run)
        sets[name] = GeneralSet(
            name=name, source=sources[name], examples=used, kept_back=back, rejected=written.rejected
        )
    return sets


def _kept_back(rows: list[Example], run: RunFolder) -> tuple[Sequence[Example], Sequence[Example]]:
    """What mitigations use, and what the KL meter reads: nothing of a reranker's."""
    return (rows, ()) if run.recipe.training.method == "rank" else keep_back(rows)


def _rows(wanted: GeneralSettings, run: RunFolder, bench: Workbench, texts: dict[str, Any]) -> GeneralRows:
    if run.recipe.training.method == "rank":
        training = run.recipe.training

        def score(pairs: Sequence[Pair]) -> list[float]:
            return as_reranker(bench.base()).score_pairs(pairs, training.max_length)

        return general_rankings(wanted, run.recipe.seed, texts, training.groups.negatives, score)
    if wanted.source != OWN:
        rows = sample(read_general(wanted.source, run.recipe.training.method), wanted.count, run.recipe.seed)
        refuse_overlaps(rows, texts)
        return GeneralRows(rows=rows)
    limits = Limits(
        max_tokens=wanted.max_tokens, temperature=wanted.temperature, top_p=wanted.top_p, seed=run.recipe.seed
    )
    overlap = overlap_finder(texts)
    return write_general(
        as_language_model(bench.base()),
        wanted.count,
        limits,
        Store("general"),
        refuse=lambda example: "contains a probe's item" if overlap(example) else None,
        tick=lambda done, total: run.progress.update("rows written", done, total),
    )
