"""Watches any Trainer for forgetting."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from transformers import TrainerCallback

from retain.errors import UserError
from retain.mitigations.base import Setup
from retain.mitigations.dev_guard import CHECKPOINT, GuardOnDev, best_of
from retain.models.causal import TransformersCausal
from retain.models.update_files import read_update
from retain.own_trainer.setup import FOLDER, forget_earlier, own_model, own_recipe, own_setup
from retain.own_trainer.watching import logs_cross_entropy, watch_of
from retain.probes.suites import load_suite
from retain.records import Alarm, Candidate, Gate
from retain.training.watch_loss import WatchLoss

READINGS = 4
"""How often held-out rows are read."""


class RetentionCallback(TrainerCallback):
    """Measure a model while somebody's Trainer trains it, end the training where it forgets, put the best back.

    ``trainer.add_callback(retain.RetentionCallback(suite="quick", every=0.25))``

    The base is measured when training begins, then the model at each point, as it would be saved, on dev items. It
    passes when the pooled loss is at most the margin of the mean and no capability lost significantly more than its
    own. Training is not disturbed: weights, modes and random numbers are what they were, bit for bit, so that a run in
    which nothing is stopped ends with the same weights as without the callback.

    After training ``candidates`` holds what was measured and ``chosen`` what the model is at. Their losses also stand
    in the trainer's log as ``retain_mean_loss`` (points of 100).

    Use ``early_stop`` of :func:`retain.with_mitigations` to combine it with mitigations. Dev items are for choosing:
    for the verdict compare base and tuned model on test items (``retain compare``).

    Args:
        suite: what is measured: a suite's name or file.
        every: below 1 a share of an epoch, else a number of updates.
        patience: candidates in a row that fail before training ends; None never ends it.
        limit: at most this many test items a probe, and 3/7 as many dev items.
        gate: the margins, as in a recipe.
        restore: put the last candidate that passed back at the end.
        held_out: rows with ``input_ids`` and ``labels`` that are not trained on, for the overfitting alarms; some of
            them are read four times, and before the first update beside training rows. Without any, ``alarms`` has the
            training loss alone.
        plain_loss: whether the trainer logs as ``loss`` the mean cross-entropy of labelled tokens, nats a token, which
            the overfitting alarms read. None: where its arguments are those of ``Trainer`` or ``SFTTrainer`` without
            label smoothing or another ``loss_type``. Say False of a ``compute_loss`` of your own: the alarms then say
            that they cannot tell.

    Raises:
        UserError: a value is none that is allowed, or there is no such suite.
    """

    def __init__(
        self,
        suite: str | Path = "quick",
        every: float = 0.25,
        patience: int | None = 1,
        limit: int | None = None,
        gate: Gate | Mapping[str, Any] | None = None,
        restore: bool = True,
        held_out: Any = None,
        plain_loss: bool | None = None,
    ) -> None:
        if not every > 0 or (patience is not None and patience < 1):
            raise UserError("RetentionCallback: every must be above 0, and patience at least 1 or None")
        self.recipe = own_recipe([], None, suite, limit, gate)
        self.probes = load_suite(str(suite), limit)
        self.every = every
        self.patience = patience
        self.restore = restore
        self.held_out = held_out
        self.plain_loss = plain_loss
        self.chosen: Candidate | None = None
        self._guard: GuardOnDev | None = None
        self._setup: Setup | None = None
        self._model: TransformersCausal | None = None
        self._watch: WatchLoss | None = None
        self._trainers: WatchLoss | None = None
        self._watches = False

    def share(self, watch: WatchLoss) -> None:
        """Take the alarms of the trainer that is about to train, where it raises them itself."""
        self._trainers = watch

    @property
    def alarms(self) -> list[Alarm]:
        """Each overfitting alarm, as the training decides it so far; raised ones are also warnings of ``retain``."""
        return self._watch.alarms if self._watch is not None else []

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """What was measured, in order; ``value`` is the update."""
        return self._guard.found.candidates if self._guard else ()

    def on_train_begin(
        self, args: Any, state: Any, control: Any, model: Any = None, processing_class: Any = None, **kwargs: Any
    ) -> None:
        """Measure the base, or read what it was measured to be."""
        trainer = SimpleNamespace(args=args, state=state, processing_class=processing_class, retention_notes=[])
        self._model = own_model(trainer, model)
        # A folder of its own: with_mitigations keeps files of the same names, and another callback's suite differs.
        folder = f"{FOLDER}/callback-{self.probes.fingerprint()[:8]}"
        self._setup = own_setup(trainer, self._model, self.recipe, None, self.probes, name=folder)
        if state.global_step == 0:
            forget_earlier(self._setup)
        patience = self.patience if self.patience is not None else args.max_steps + state.max_steps + 1
        self._guard = GuardOnDev(self._model, self._setup, self.every, patience, None)
        self._watch, self._trainers = self._trainers, None
        self._watches = self._watch is None
        if self._watch is None:
            batches = kwargs.get("train_dataloader")
            plain = self.plain_loss if self.plain_loss is not None else logs_cross_entropy(args)
            trained = getattr(batches, "dataset", None)
            self._watch = watch_of(args, batches, trained, self.held_out, READINGS, plain)
            self._watch.on_train_begin(args, state, control, model=model)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Measure where it is time to, and end the training where too many candidates failed in a row."""
        assert self._guard is not None and self._watch is not None
        self._guard.on_step_end(args, state, control, **kwargs)
        if self._watches:
            self._watch.on_step_end(args, state, control, **kwargs)
        self._log(state)

    def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Raise alarms."""
        if self._watches and self._watch is not None:
            self._watch.on_log(args, state, control, **kwargs)

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """The end is a candidate too; then the best one's weights are put back."""
        assert self._guard is not None and self._setup is not None and self._model is not None
        self._guard.on_train_end(args, state, control, **kwargs)
        self._log(state)
        self.chosen, _ = best_of(self.candidates)
        if self.restore and self.chosen is not self.candidates[-1]:
            read_update(self._model.module, self._setup.kept / CHECKPOINT)

    def _log(self, state: Any) -> None:
        logged = {entry["step"] for entry in state.log_history if "retain_mean_loss" in entry}
        for one in self.candidates:
            if one.mean_loss is not None and one.value not in logged:
                entry = {"step": int(one.value), "retain_mean_loss": one.mean_loss}
                state.log_history.append({**entry, "retain_passing": one.passing})
