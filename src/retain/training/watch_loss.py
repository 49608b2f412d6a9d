"""Reads the loss of held-out rows now and then, and raises overfitting alarms while training goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from contextlib import nullcontext
from typing import Any

import torch
from transformers import TrainerCallback

from retain.data.encoding import Encoded
from retain.models.transformers_model import TransformersModel
from retain.models.whole import whole_module
from retain.records import Alarm, HeldOutLosses, RowsAtStart
from retain.training.alarms.history import (
    HELD_OUT,
    ROW_LOSSES,
    ROW_TOKENS,
    TRAINED_LOSSES,
    TRAINED_TOKENS,
    Course,
    course_of,
)
from retain.training.alarms.levels import RowLosses
from retain.training.held_out import LEAST_ROWS, held_out_losses
from retain.training.read_alarms import read_alarms, rules


class WatchLoss(TrainerCallback):
    """Raises each alarm once, as soon as it is there; training is not disturbed.

    What was read stands in the trainer's log beside the loss, so that a run which goes on from a checkpoint finds it
    there. Alarms are read off the log alone.

    Args:
        rows: held-out rows; none of them are read where it is empty.
        steps: updates after which they are read. They are also read where training is ended.
        say: told each alarm in one line.
        plain: the log's ``loss`` is the task's own; else ``task_loss`` is taken, where there is one.
        trained: training rows in an order of chance; as many of them as of ``rows`` are read before the first update.
        model: what is trained, where its weights may be dealt over processes; the trainer's module when None.
    """

    def __init__(
        self,
        rows: Sequence[Encoded],
        steps: Collection[int],
        say: Callable[[str], None],
        plain: bool = True,
        trained: Sequence[Encoded] = (),
        model: TransformersModel | None = None,
    ) -> None:
        self.rows = rows
        self.model = model
        self.trained = trained[: len(rows)]
        self.steps = steps
        self.say = say
        self.plain = plain
        self.seconds = 0.0
        """Spent on reading held-out rows."""
        self.raised: list[str] = []
        """Names of the alarms that were raised, in order."""
        self._course = Course((), 0.0, watched=bool(rows))

    @property
    def alarms(self) -> list[Alarm]:
        """Each alarm there is, as the training decides it so far."""
        return read_alarms(self._course)

    @property
    def readings(self) -> list[HeldOutLosses]:
        """What was read of held-out rows."""
        read = [(one.step, one.held_out) for one in self._course.points if one.held_out is not None]
        return [HeldOutLosses(step=step, losses=list(one.losses), tokens=list(one.tokens)) for step, one in read]

    @property
    def rows_at_start(self) -> RowsAtStart | None:
        """What was read before the first update."""
        start = self._course.start
        if start is None:
            return None
        return RowsAtStart(
            held_out=list(start.new.losses),
            held_out_tokens=list(start.new.tokens),
            trained=list(start.trained.losses),
            trained_tokens=list(start.trained.tokens),
        )

    def note(self) -> str:
        """Where the losses are, for the progress line."""
        if not self._course.points:
            return ""
        held_out = [one.held_out for one in self._course.points if one.held_out is not None]
        count = len(self.raised)
        alarms = [f"{count} alarm{'s' * (count > 1)}"] if count else []
        parts = [f"loss {self._course.last.loss:.2f}", *(f"held-out {one.level.value:.2f}" for one in held_out[-1:])]
        return ", ".join([*parts, *alarms])

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
        """Read how hard rows are for the base. A run that goes on has raised alarms before; they are not said again."""
        known = any(TRAINED_LOSSES in entry for entry in state.log_history)  # two watchers share a log
        if state.global_step == 0 and len(self.trained) >= LEAST_ROWS and not known:
            new, old = (self._losses(args, model, rows) for rows in (self.rows, self.trained))
            read = {ROW_LOSSES: new.losses, ROW_TOKENS: new.tokens, TRAINED_LOSSES: old.losses}
            values = {key: list(found) for key, found in {**read, TRAINED_TOKENS: old.tokens}.items()}
            state.log_history.append({"step": 0, "epoch": 0.0, **values})
        self._course = self._read(args, state)
        self.raised = [one.name for one in self.alarms if one.raised]

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """A log entry is due where held-out rows are read."""
        if self.rows and self._due(state, control):
            control.should_log = True

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, model: Any = None, **kwargs: Any) -> None:
        """Read held-out rows where it is time to, and judge."""
        entry = state.log_history[-1] if state.log_history else {}
        if "loss" not in entry:
            return
        if self.rows and self._due(state, control) and HELD_OUT not in entry:
            found = self._losses(args, model, self.rows)
            losses = {ROW_LOSSES: list(found.losses), ROW_TOKENS: list(found.tokens)}
            entry.update({HELD_OUT: found.level.value, **losses})
        self._course = self._read(args, state)
        if not self._course.points or self._course.last.step != state.global_step:
            return
        for rule in rules():
            alarm = None if rule.name() in self.raised else rule.read(self._course)
            if alarm is not None and alarm.raised:
                self.raised.append(alarm.name)
                if state.is_world_process_zero:
                    self.say(in_one_line(alarm))

    def _due(self, state: Any, control: Any) -> bool:
        return state.global_step in self.steps or bool(control.should_training_stop)

    def _losses(self, args: Any, model: Any, rows: Sequence[Encoded]) -> RowLosses:
        begun = time.monotonic()
        precision = torch.bfloat16 if args.bf16 else torch.float16 if args.fp16 else None
        with nullcontext(model) if self.model is None or self.model.whole is None else whole_module(self.model) as one:
            found = held_out_losses(one, rows, args.per_device_train_batch_size, precision)
        self.seconds += time.monotonic() - begun
        return found

    def _read(self, args: Any, state: Any) -> Course:
        epochs = args.num_train_epochs
        if args.max_steps > 0:  # state.num_train_epochs is rounded up
            done = [(one["epoch"], one["step"]) for one in state.log_history if one.get("step") and "epoch" in one]
            epochs = state.max_steps * done[-1][0] / done[-1][1] if done else state.num_train_epochs
        return course_of(state.log_history, epochs, bool(self.rows), self.plain)


def in_one_line(alarm: Alarm) -> str:
    """An alarm as it is said while training goes on."""
    return f"alarm {alarm.name}, update {alarm.step}: {alarm.statement} {alarm.advice}"
