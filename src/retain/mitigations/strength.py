"""How much of the learned update to keep, chosen on dev items after training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Literal

from pydantic import Field

from retain import processes
from retain.comparison.compare import compare
from retain.comparison.dev import gain_order, least_loss
from retain.comparison.gate import holm
from retain.errors import UserError
from retain.mitigations.base import Mitigation, Setup
from retain.mitigations.candidates import measured_on_dev
from retain.models.layer_factors import PerLayer
from retain.models.transformers_model import TransformersModel
from retain.records import Candidate, Choice, Measurement

NONE_PASSED = "no strength passed the margins on dev items"


class Strength(Mitigation):
    """Scale the learned update by the strength that learned most of those that keep within the margins, on dev items.

    Adapters are scaled, full fine-tunes interpolated with the base (WiSE-FT, arXiv 2109.01903; LM-Cocktail,
    arXiv 2311.13534). With ``per_layer: linear`` the strength is the deepest layer's, and falls to nothing at the first
    (LiNeS, arXiv 2410.17146). The margins are the gate's.

    Taken is the passing strength with the greatest dev gain, the smaller one on a tie; the largest one where no gain is
    measured. Where none passes: of those whose mean loss is not significantly above the smallest one there is
    (one-sided 5%, paired by item), the one with the greatest gain. A difference in loss that the dev items cannot show
    is no reason to give gain away; the run will be judged on test items in any case
    (docs/decisions/strength-fallback.md). Where no loss is pooled (nothing but bits per byte is measured), the
    capabilities take the mean's place, one by one.

    Relations: nearly free with ``lora``. A fixed strength can destroy the gain, so there is no knob for one:
    give ``values`` a single entry if you must.
    """

    kind: Literal["strength"] = "strength"
    values: list[Annotated[float, Field(ge=0)]] = Field([0.2, 0.4, 0.6, 0.8, 1.0], min_length=1)
    """Strengths to measure; 1 is the trained model, above 1 exaggerates it."""
    per_layer: PerLayer = "uniform"
    """``linear``: the update of layer l of L is scaled by strength * (l - 1) / (L - 1), that of embeddings by 0."""

    def finish_model(self, model: TransformersModel, setup: Setup) -> tuple[TransformersModel, Choice | None]:
        """The model at the chosen strength."""
        if model.update is None:
            raise UserError("mitigations.strength: nothing was trained that could be scaled")
        measured = {value: self._measure(model, value, setup) for value in sorted(set(self.values))}
        candidates = [candidate for candidate, _ in measured.values()]

        def loses_more(one: Candidate, other: Candidate) -> bool:
            return significantly_worse(measured[one.value][1], measured[other.value][1], setup)

        chosen, reason = processes.gather(choose(candidates, loses_more))[0]  # one decision for all
        model.update.apply(chosen.value, self.per_layer)
        finished = model.renewed()
        return finished, Choice(what="strength", chosen=chosen.value, candidates=candidates, reason=reason)

    def _measure(self, model: TransformersModel, value: float, setup: Setup) -> tuple[Candidate, Sequence[Measurement]]:
        assert model.update is not None
        model.update.apply(value, self.per_layer)
        return measured_on_dev(model.renewed(), setup, f"{value:g}", value)


def significantly_worse(one: Sequence[Measurement], other: Sequence[Measurement], setup: Setup) -> bool:
    """Whether one model's mean loss on dev items is above another's: the lower one-sided 95% bound, paired by item.

    Where no loss is pooled: whether any capability's is, after Holm's correction.
    """
    found = compare(other, one, setup.task_probes)
    if found.pooled is not None:
        return found.pooled.loss_low > 0
    return any(holm([change.p_loss for change in found.losses if not change.near_chance]))


def choose(candidates: list[Candidate], loses_more: Callable[[Candidate, Candidate], bool]) -> tuple[Candidate, str]:
    """The candidate to take, and why.

    Args:
        candidates: what was measured on dev items, at least one.
        loses_more: whether the first of two loses significantly more than the second.
    """
    passing_ones = [candidate for candidate in candidates if candidate.passing]
    if passing_ones:
        return _most_gain(passing_ones), f"greatest dev gain among {_of(passing_ones, candidates)} that passed"
    least, why = least_loss(candidates)
    if least.loss is None:
        return least, f"{NONE_PASSED}; {why}"
    alike = [candidate for candidate in candidates if candidate is least or not loses_more(candidate, least)]
    which = (
        f"of which no capability loses significantly more than at {least.label}, whose worst one loses least"
        if least.mean_loss is None
        else f"whose mean loss is not significantly above the smallest, that of {least.label}"
    )
    return _most_gain(alike), f"{NONE_PASSED}; greatest dev gain among {_of(alike, candidates)} {which}"


def _most_gain(candidates: list[Candidate]) -> Candidate:
    """Where no gain was measured, more of the update stands for more of it."""
    if all(candidate.gain is None for candidate in candidates):
        return max(candidates, key=lambda candidate: candidate.value)
    return max(candidates, key=lambda candidate: (gain_order(candidate.gain), -candidate.value))


def _of(some: list[Candidate], candidates: list[Candidate]) -> str:
    return f"{len(some)} of {len(candidates)} strengths"
