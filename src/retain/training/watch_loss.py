"""Reads the loss of held-out rows now and then, and raises overfitting alarms while training goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from typing import Any

import torch
from transformers import TrainerCallback

from retain.data.encoding import Encoded
from retain.records import Alarm, HeldOutLosses
from retain.training.alarms.history import HELD_OUT, ROW_LOSSES, ROW_TOKENS, Course, course_of
from retain.training.held_out import held_out_losses
from retain.training.read_alarms import read_alarms, rules


class WatchLoss(TrainerCallback):  # type: ignore[misc]
    """Raises each alarm once, as soon as it is there; training is not disturbed.

    What was read stands in the trainer's log beside the loss, so that a run which goes on from a checkpoint finds it
    there. Alarms are read off the log alone.

    Args:
        rows: held-out rows; none of them are read where it is empty.
        steps: updates after which they are read. They are also read where training is ended.
        say: told each alarm in one line.
        plain: the log's ``loss`` is the task's own; else ``task_loss`` is taken, where there is one.
    """

    def __init__(
        self, rows: Sequence[Encoded], steps: Collection[int], say: Callable[[str], None], plain: bool = True
    ) -> None:
        self.rows = rows
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

    def note(self) -> str:
        """Where the losses are, for the progress line."""
        if not self._course.points:
            return ""
        held_out = [one.held_out for one in self._course.points if one.held_out is not None]
        count = len(self.raised)
        alarms = [f"{count} alarm{'s' * (count > 1)}"] if count else []
        parts = [f"loss {self._course.last.loss:.2f}", *(f"held-out {one.level.value:.2f}" for one in held_out[-1:])]
        return ", ".join([*parts, *alarms])

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """A run that goes on has raised alarms before; they are not said again."""
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
            entry.update(self._held_out(args, model))
        self._course = self._read(args, state)
        if not self._course.points or self._course.last.step != state.global_step:
            return
        for rule in rules():
            found = None if rule.name() in self.raised else rule.read(self._course)
            if found is not None and found.raised:
                self.raised.append(found.name)
                if state.is_world_process_zero:
                    self.say(in_one_line(found))

    def _due(self, state: Any, control: Any) -> bool:
        return state.global_step in self.steps or bool(control.should_training_stop)

    def _held_out(self, args: Any, model: Any) -> dict[str, Any]:
        begun = time.monotonic()
        precision = torch.bfloat16 if args.bf16 else torch.float16 if args.fp16 else None
        found = held_out_losses(model, self.rows, args.per_device_train_batch_size, precision)
        self.seconds += time.monotonic() - begun
        return {HELD_OUT: found.level.value, ROW_LOSSES: list(found.losses), ROW_TOKENS: list(found.tokens)}

    def _read(self, args: Any, state: Any) -> Course:
        epochs = args.num_train_epochs if args.max_steps <= 0 else state.num_train_epochs
        return course_of(state.log_history, epochs, bool(self.rows), self.plain)


def in_one_line(alarm: Alarm) -> str:
    """An alarm as it is said while training goes on."""
    return f"alarm {alarm.name}, update {alarm.step}: {alarm.statement} {alarm.advice}"
