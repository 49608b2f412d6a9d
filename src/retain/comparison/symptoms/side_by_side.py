"""What symptoms are read off: the answers of both models side by side, and what else a comparison knows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

from retain.comparison.clusters import Index, cluster_index
from retain.records import Comparison, Measurement, Recitation, Response

NOTHING_WRITTEN = "No probe that writes was measured on both sides, so that there is no answer to look at."
NOT_STORED = "The measurements hold no answers, only scores."


@dataclass(frozen=True)
class Answered:
    """One item that both models answered in their own words."""

    probe: str
    capability: str
    item: str
    prompt: str
    base: Response
    tuned: Response
    base_score: float | None
    tuned_score: float | None
    """How good the answer is, 1 = right; None where it has no score."""
    cluster: str = ""

    @property
    def fall(self) -> float:
        """How much worse the tuned model's score is; 0 where one is missing."""
        return 0.0 if self.base_score is None or self.tuned_score is None else self.base_score - self.tuned_score


@dataclass(frozen=True)
class Material:
    """Everything that a symptom may ask for."""

    comparison: Comparison
    answers: Sequence[Answered] = ()
    """To prompts of capabilities, not of the task; each prompt once."""
    targets: Sequence[str] = ()
    """Answers that training showed, or held-out answers of the task, which have the same form; empty: not known."""
    recitation: Recitation | None = None
    missing: str = NOTHING_WRITTEN
    """Why there are no answers, where there are none."""

    @cached_property
    def index(self) -> Index:
        """Cluster number of each answer."""
        return index_of(self.answers)


def index_of(answers: Sequence[Answered]) -> Index:
    """Cluster number of each answer: items of a probe that share a passage or a wording are not independent."""
    clusters = {one.item: f"{one.probe}\x1f{one.cluster}" for one in answers if one.cluster}
    return cluster_index([one.item for one in answers], clusters)


def material_of(
    before: Sequence[Measurement],
    after: Sequence[Measurement],
    comparison: Comparison,
    targets: Sequence[str] = (),
    recitation: Recitation | None = None,
    tasks: Collection[str] = (),
) -> Material:
    """Pair the answers of two models' measurements.

    Args:
        before: the base's measurements.
        after: the tuned model's.
        comparison: what was found of them; its gains tell which probes measure the task.
        targets: the answers of the training rows; the task's expected answers stand for them where they are not known.
        recitation: what the run tried; None where nothing was.
        tasks: probes that measure a task besides the gains', such as one that both models learned.
    """
    tasks = {*tasks, *(change.probe for change in comparison.gains)}
    new = {(one.probe, one.split): one for one in after}
    pairs = [(one, new[one.probe, one.split]) for one in before if (one.probe, one.split) in new]
    found: dict[str, Answered] = {}
    for old, tuned in pairs:
        if old.probe not in tasks:
            found = {**{one.item: one for one in _answers(old, tuned)}, **found}
    writing = any(old.generates for old, _ in pairs if old.probe not in tasks)
    return Material(
        comparison=comparison,
        answers=list(found.values()),
        targets=targets or _expected(before, tasks),
        recitation=recitation,
        missing=NOT_STORED if writing else NOTHING_WRITTEN,
    )


def _expected(before: Sequence[Measurement], tasks: Collection[str]) -> list[str]:
    return [text for one in before if one.probe in tasks for text in one.references.values()]


def _answers(old: Measurement, new: Measurement) -> list[Answered]:
    clusters = {**new.clusters, **old.clusters}
    return [
        Answered(
            probe=old.probe,
            capability=old.capability,
            item=item,
            prompt=old.prompts.get(item, ""),
            base=old.responses[item],
            tuned=new.responses[item],
            base_score=_goodness(old, item),
            tuned_score=_goodness(new, item),
            cluster=clusters.get(item, ""),
        )
        for item in sorted(old.responses.keys() & new.responses.keys())
    ]


def _goodness(measurement: Measurement, item: str) -> float | None:
    score = measurement.scores.get(item)
    if score is None or measurement.unit != "share":
        return None
    return score if measurement.higher_is_better else 1 - score
