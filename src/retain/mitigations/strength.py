"""How much of the learned update to keep, chosen on dev items after training."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from retain.comparison.compare import compare
from retain.comparison.dev import passing
from retain.errors import UserError
from retain.mitigations.base import Mitigation, Setup
from retain.models.causal import TransformersCausal
from retain.records import Candidate, Choice


class Strength(Mitigation):
    """Scale the learned update by the strength that keeps most and still learned, measured on dev items.

    Adapters are scaled, full fine-tunes interpolated with the base (WiSE-FT, arXiv 2109.01903; LM-Cocktail,
    arXiv 2311.13534). Taken is the passing strength with the greatest dev gain, the smaller one on a tie; where
    none passes, the one that loses least. The margins are the gate's.

    Relations: nearly free with ``lora``. A fixed strength can destroy the gain, so there is no knob for one:
    give ``values`` a single entry if you must.
    """

    kind: Literal["strength"] = "strength"
    values: list[Annotated[float, Field(ge=0)]] = Field([0.2, 0.4, 0.6, 0.8, 1.0], min_length=1)
    """Strengths to measure; 1 is the trained model, above 1 exaggerates it."""

    def finish_model(self, model: TransformersCausal, setup: Setup) -> tuple[TransformersCausal, Choice | None]:
        """The model at the chosen strength."""
        if model.update is None:
            raise UserError("mitigations.strength: nothing was trained that could be scaled")
        candidates = [self._measure(model, value, setup) for value in sorted(set(self.values))]
        chosen, reason = choose(candidates)
        model.update.apply(chosen.value)
        finished = model.renewed()
        return finished, Choice(what="strength", chosen=chosen.value, candidates=candidates, reason=reason)

    def _measure(self, model: TransformersCausal, value: float, setup: Setup) -> Candidate:
        assert model.update is not None
        model.update.apply(value)
        after = setup.measure_dev(model.renewed())
        changes = compare(setup.base_dev(), after, setup.task_probes, "base", f"strength {value:g}")
        passes, why = passing(changes, setup.gate)
        losses = [change for change in changes.losses if not change.near_chance and change.unit == "points"]
        worst = min(losses, key=lambda change: change.delta, default=None)
        return Candidate(
            label=f"{value:g}",
            value=value,
            gain=changes.gains[0].delta if changes.gains else None,
            mean_loss=-changes.pooled.delta if changes.pooled else None,
            worst=worst.capability if worst else "",
            worst_loss=-worst.delta if worst else None,
            passing=passes,
            why=why,
        )


def choose(candidates: list[Candidate]) -> tuple[Candidate, str]:
    """The passing candidate with the greatest dev gain (tie: the smaller value), and why it was taken."""
    passing_ones = [candidate for candidate in candidates if candidate.passing]
    if passing_ones:
        best = max(passing_ones, key=lambda candidate: (candidate.gain or 0.0, -candidate.value))
        return best, f"greatest dev gain among {len(passing_ones)} of {len(candidates)} strengths that passed"
    best = min(candidates, key=lambda candidate: (candidate.mean_loss or 0.0, -(candidate.gain or 0.0)))
    return best, "no strength passed the margins on dev items; the one with the smallest mean loss was taken"
