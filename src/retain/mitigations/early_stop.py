"""End training where the model begins to forget, and go back to the last checkpoint that did not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from retain import processes
from retain.mitigations.base import Mitigation, Setup
from retain.mitigations.dev_guard import CHECKPOINT, RECORD, GuardOnDev, best_of, read_guarded
from retain.models.transformers_model import TransformersModel
from retain.records import Choice
from retain.sums import check_sums

if TYPE_CHECKING:
    from transformers import TrainerCallback


class EarlyStop(Mitigation):
    """Measure on dev items during training, stop when the margins are left, and restore the last update that passed.

    Each candidate is measured exactly as it would be saved. It passes when the pooled loss estimate is at most the
    gate's mean margin and no capability's loss is clearly above its margin (``comparison.dev.passing``). After
    ``patience`` candidates in a row that do not pass training ends; the last one that passed becomes the trained model
    (where none passed, the one that lost least, and the report says so). The end of training is always a candidate.

    ``meter: kl`` reads the KL meter (KL to the base in nats for each token, on general text that was kept back) at
    each point instead, which takes seconds, and measures in full only where it rose by ``threshold`` since the last
    full measurement.

    Requirements: one full measurement on dev items costs what ``strength`` pays for one value. One checkpoint of the
    trained weights is kept on disk.

    Relations: ``strength`` finishes after it, whatever the order in the recipe. Where training should reach its end
    and only the amount is in question, ``strength`` alone is cheaper.
    """

    finish_order: ClassVar[int] = -1

    kind: Literal["early_stop"] = "early_stop"
    every: float = Field(0.25, gt=0)
    """How often: below 1 a share of an epoch, from 1 on a number of updates."""
    patience: int = Field(1, ge=1)
    """How many candidates in a row must fail before training ends."""
    meter: Literal["none", "kl"] = "none"
    """What is read between full measurements: nothing (each point is measured in full), or the KL meter."""
    threshold: float = Field(0.02, gt=0)
    """``meter: kl``: the rise, in nats for each token, that calls for a full measurement."""

    def wants_general(self) -> bool:
        """The KL meter reads general text."""
        return self.meter == "kl"

    def conflicts(self, recipe: Any) -> list[str]:
        """A threshold without a meter, and a meter of text for a reranker."""
        if self.meter == "kl" and recipe.training.method == "rank":
            return ["meter: kl reads text, and a reranker writes none; leave it out"]
        if self.meter == "none" and self.threshold != type(self).model_fields["threshold"].default:
            return ["threshold has no effect, since meter: none reads nothing; add meter: kl, or leave it out"]
        return []

    def callback(self, model: TransformersModel, setup: Setup) -> TrainerCallback | None:
        """Watches training; called while the model still is the base."""
        return GuardOnDev(model, setup, self.every, self.patience, self.threshold if self.meter == "kl" else None)

    def finish_model(self, model: TransformersModel, setup: Setup) -> tuple[TransformersModel, Choice | None]:
        """The model at the last candidate that passed."""
        again = [setup.folder, setup.folder.with_name("training.json")]
        guarded = processes.from_first(lambda: read_guarded(setup.kept / RECORD, again))
        chosen, reason = best_of(guarded.candidates)
        if chosen is not guarded.candidates[-1]:
            assert model.update is not None
            check_sums(setup.kept / CHECKPOINT, again)
            model.update.restore(setup.kept / CHECKPOINT)
            model = model.renewed()
        return model, Choice(what="checkpoint", chosen=chosen.value, candidates=list(guarded.candidates), reason=reason)
