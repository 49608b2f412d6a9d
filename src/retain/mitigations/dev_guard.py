"""Watches training on dev items: which updates still pass, and when to end."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from transformers import TrainerCallback
from transformers.trainer_utils import has_length

from retain import processes
from retain.comparison.dev import least_loss
from retain.data.encoding import Encoded
from retain.errors import DamagedError, UserError
from retain.mitigations.base import Setup
from retain.mitigations.candidates import measured_on_dev
from retain.mitigations.distributions import Stored, store_base
from retain.mitigations.kl_meter import TOP_K, first_rows, moved_from_stored
from retain.models.causal import as_language_model
from retain.models.mid_training import as_it_would_ship
from retain.models.transformers_model import TransformersModel
from retain.models.update_files import save_update
from retain.models.whole import whole_module
from retain.record_files import read_record, write_record
from retain.records import Candidate, Measurement, Record

RECORD = "guarded.json"
CHECKPOINT = "checkpoint"
"""Folder of the trained weights that would be restored now: of the last candidate that passed."""
METER_TOKENS = 4000
"""Labelled tokens that one reading of the KL meter takes at most."""


class Reading(Record):
    """One reading of the KL meter."""

    step: int
    kl: float
    """Mean over tokens, nats."""


class Guarded(Record):
    """What was found during training, in order; ``value`` of a candidate is its update."""

    candidates: tuple[Candidate, ...] = ()
    readings: tuple[Reading, ...] = ()


def best_of(candidates: Sequence[Candidate]) -> tuple[Candidate, str]:
    """The last candidate that passed, and why it was taken; where none did, the one that lost least."""
    passed = [one for one in candidates if one.passing]
    if passed:
        return passed[-1], f"the last of {len(passed)} that passed, of {len(candidates)} measured"
    taken, why = least_loss(candidates)
    return taken, f"none passed the margins on dev items; {why}"


def read_guarded(path: Path, remove: Sequence[Path]) -> Guarded:
    """What was found during a training.

    Args:
        path: of the file.
        remove: what brings it back once it is gone: what was found is not found again without training again.

    Raises:
        DamagedError: the file does not hold what was written.
    """
    try:
        return read_record(path, Guarded)
    except DamagedError as error:
        raise DamagedError(error.what, remove) from None


class GuardOnDev(TrainerCallback):
    """Measures the model while it is trained and ends the training when it no longer passes.

    What was found is written down after each point. A run that goes on from an earlier checkpoint reads it and does
    not measure those points again.

    Args:
        model: what is trained; still the base.
        setup: what mitigations may look at.
        every: below 1 a share of an epoch, else a number of updates.
        patience: candidates in a row that fail before the end.
        threshold: rise of the KL meter that calls for a measurement; None to measure at each point.
    """

    def __init__(
        self, model: TransformersModel, setup: Setup, every: float, patience: int, threshold: float | None
    ) -> None:
        self.model = model
        self.setup = setup
        self.every = every
        self.patience = patience
        self.threshold = threshold
        self.rows: list[Encoded] = []
        self.base: Stored = []
        setup.base_dev()  # while the model still is the base
        if threshold is not None:
            self.rows = self._meter_rows()
            with as_it_would_ship(model) as base:
                self.base = store_base(as_language_model(base), self.rows, TOP_K)
        path = setup.kept / RECORD
        again = [setup.folder]
        self.found = processes.from_first(lambda: read_guarded(path, again) if path.is_file() else Guarded())
        self.changes: list[str] = []
        """What each probe came to when it was last measured in this go."""

    def _meter_rows(self) -> list[Encoded]:
        """General text that was kept back and is not trained on.

        Raises:
            UserError: none of it has a labelled token.
        """
        general = self.setup.general_set(None)
        rows = first_rows([self.setup.encode(one) for one in general.kept_back], METER_TOKENS)
        if not rows:
            raise UserError(f'data.general: the set "{general.name}" kept no row back that the KL meter can read')
        return rows

    def on_step_end(self, args: Any, state: Any, control: Any, train_dataloader: Any = None, **kwargs: Any) -> None:
        """Look at the model where it is time to; end the training where too many candidates failed in a row."""
        step = state.global_step
        if step % self._interval(args, state, train_dataloader) or step >= state.max_steps:
            return
        self._look(step, measure=self.threshold is None)
        last = [one.passing for one in self.found.candidates if one.value <= step][-self.patience :]
        if len(last) == self.patience and not any(last):
            control.should_training_stop = True
            control.should_save = False  # a run that goes on comes to this update again and ends here again

    def note(self) -> str:
        """The last reading of the KL meter and each probe's last change on dev items, for the progress line."""
        meter = [f"KL {one.kl:.3f}" for one in self.found.readings[-1:]]
        before = [] if self.changes else [_worst(one) for one in self.found.candidates[-1:] if one.worst]
        return ", ".join([*meter, *self.changes, *before])

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """The end of training is a candidate too."""
        self._look(state.global_step, measure=True)

    def _interval(self, args: Any, state: Any, batches: Any) -> int:
        """Updates between two points. Where nobody knows how many batches an epoch has, it is all of training."""
        if self.every >= 1:
            return round(self.every)
        epoch: int = state.max_steps
        if has_length(batches):
            epoch = math.ceil(len(batches) / args.gradient_accumulation_steps)
        return max(1, round(self.every * epoch))

    def _look(self, step: int, measure: bool) -> None:
        if any(one.value == step for one in self.found.candidates):
            return
        if not measure and any(one.step == step for one in self.found.readings):
            return
        with as_it_would_ship(self.model) as model:
            readings = self.found.readings
            if not measure:
                now = Reading(step=step, kl=self._meter(model))
                readings = (*readings, now)
                measure = now.kl - self._kl_when_last_measured() >= (self.threshold or 0.0)
            candidates = self.found.candidates
            if measure:
                candidate, after = measured_on_dev(model, self.setup, f"update {step}", step)
                candidates = (*candidates, candidate)
                self.changes = changes_of(self.setup.base_dev(), after)
        found = processes.gather(Guarded(candidates=candidates, readings=readings))[0]  # one decision for all
        if measure and best_of(found.candidates)[0] is found.candidates[-1]:
            with whole_module(self.model) as module:
                save_update(module, self.setup.kept / CHECKPOINT)
        write_record(self.setup.kept / RECORD, found)
        self.found = found

    def _kl_when_last_measured(self) -> float:
        """0 at the base."""
        last = max((one.value for one in self.found.candidates), default=0)
        return max((one.kl for one in self.found.readings if one.step == last), default=0.0)

    def _meter(self, model: TransformersModel) -> float:
        moved = [kl for kl, _ in moved_from_stored(as_language_model(model), self.rows, self.base)]
        return float(sum(one.sum() for one in moved) / sum(one.size for one in moved))


def changes_of(before: Sequence[Measurement], after: Sequence[Measurement]) -> list[str]:
    """``repeating -2.1``: each probe's change as a line shows it, + is better.

    In points of 100, for open-ended units in percent of the base's value.
    """
    old = {one.probe: one for one in before}
    return [f"{one.capability} {_change(old[one.probe], one)}" for one in after if one.probe in old]


def _change(before: Measurement, after: Measurement) -> str:
    risen = (after.value - before.value) * (1 if after.higher_is_better else -1)
    if after.unit == "share":
        return f"{100 * risen:+.1f}"
    return f"{100 * risen / before.value:+.1f}%" if before.value else "n/a"


def _worst(found: Candidate) -> str:
    """Of an earlier go, which wrote down no more."""
    assert found.worst_loss is not None
    return f"{found.worst} {-found.worst_loss:+.1f}{'%' * (found.worst_unit == 'percent')}"
