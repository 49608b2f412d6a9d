"""What alarms look at: the losses of a training, update by update."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from retain.training.alarms.levels import LEAST, Level, RowLosses, line_level, mean_level, step_level

QUARTER = 0.25
"""Epochs that stand for "now"."""
SMALLEST = 1e-4
"""Nats a token; of lower losses no logarithm is taken."""
NEAR = 1e-6
"""Epochs are counted in floating point."""
TASK_LOSS, HELD_OUT, ROW_LOSSES, ROW_TOKENS = "task_loss", "held_out_loss", "held_out_losses", "held_out_tokens"
"""Keys of a log's entries; the last two hold a list with one number for each held-out row."""
TRAINED_LOSSES, TRAINED_TOKENS = "trained_losses", "trained_tokens"
"""The same of training rows, in the entry of update 0."""


@dataclass(frozen=True)
class Point:
    """The losses of some updates in a row."""

    step: int
    """The last of them."""
    epoch: float
    """Epochs done then, a fraction too."""
    begun: float
    """Epochs done before the first of them."""
    updates: int
    loss: float
    """Of the task's training rows, nats a labelled token, each row's before it was trained on in this epoch."""
    held_out: RowLosses | None = None
    """Of held-out rows, read after the last update."""


@dataclass(frozen=True)
class Start:
    """What the model was like before the first update: how hard its training rows were for it, and held-out ones."""

    trained: RowLosses
    """Of some training rows, as many as held-out ones."""
    new: RowLosses
    """Of the held-out rows."""

    @property
    def gap(self) -> float:
        """How much harder held-out rows are, nats a token."""
        return self.new.level.value - self.trained.level.value


@dataclass(frozen=True)
class Course:
    """A training up to some update."""

    points: tuple[Point, ...]
    epochs: float
    """Epochs that it will have in the end."""
    watched: bool
    """Held-out rows are read now and then."""
    start: Start | None = None
    """None where nothing was read before the first update."""

    @property
    def last(self) -> Point:
        """Where the training is."""
        return self.points[-1]

    @property
    def repeats(self) -> bool:
        """Whether it has gone beyond its first epoch."""
        return bool(self.points) and self.last.epoch > 1 + NEAR

    def until(self, count: int) -> Course:
        """The training as it was when it had so many points."""
        return replace(self, points=self.points[:count])

    def now(self) -> Level | None:
        """The training loss of the last quarter of an epoch, and of five points at least; None where there are fewer.

        A mean, no trend: while the loss falls it lies above the loss of the moment, so that training does not look
        better than held-out rows for having been measured later.
        """
        recent = self.between(self.last.epoch - QUARTER, self.last.epoch)
        points = self.points[-max(LEAST, len(recent)) :]
        return mean_level([one.loss for one in points], [one.updates for one in points])

    def at_end_of_first_epoch(self) -> Course | None:
        """The training at its last point that lies in the first epoch."""
        count = sum(one.epoch <= 1 + NEAR for one in self.points)
        return self.until(count) if count else None

    def between(self, start: float, end: float) -> list[Point]:
        """The points whose updates all lie between two epochs."""
        return [one for one in self.points if one.begun >= start - NEAR and one.epoch <= end + NEAR]


def end_of_line(points: Sequence[Point], epoch: float) -> Level | None:
    """What a straight line through some points says at one epoch; None for fewer than five."""
    return line_level(_places(points, epoch), [one.loss for one in points], [one.updates for one in points])


def step_at(points: Sequence[Point], epoch: float) -> tuple[Level, Level] | None:
    """The logarithm of the loss just before an epoch's start, and how far it steps down there on top of a smooth curve.

    None for fewer than five points on one side; those that lie on both sides are left out.
    """
    apart = [one for one in points if not one.begun + NEAR < epoch < one.epoch - NEAR]
    losses = [math.log(max(one.loss, SMALLEST)) for one in apart]
    return step_level(_places(apart, epoch), losses, [one.updates for one in apart])


def _places(points: Sequence[Point], epoch: float) -> list[float]:
    return [(one.begun + one.epoch) / 2 - epoch for one in points]


def course_of(entries: Iterable[Mapping[str, Any]], epochs: float, watched: bool, plain: bool = True) -> Course:
    """A training's log as alarms see it.

    Args:
        entries: in order, with ``step``, ``epoch`` and ``loss`` (others are left out); ``task_loss`` where the loss
            holds more than the task's; ``held_out_losses`` and ``held_out_tokens`` where held-out rows were read. An
            entry of update 0 has these and ``trained_losses`` and ``trained_tokens``.
        epochs: of the whole training.
        watched: held-out rows are read now and then.
        plain: ``loss`` is the task's. Where it is not, entries without ``task_loss`` are left out.
    """
    points: list[Point] = []
    start = None
    step, epoch = 0, 0.0
    for entry in entries:
        if TRAINED_LOSSES in entry:
            new = _held_out(entry)
            start = Start(_row_losses(entry, TRAINED_LOSSES, TRAINED_TOKENS), new) if new is not None else None
        if not {"step", "epoch", "loss"} <= set(entry):
            continue
        loss = entry.get(TASK_LOSS, entry["loss"] if plain else None)
        now, done = int(entry["step"]), float(entry["epoch"])
        if loss is not None and math.isfinite(loss) and now > step:
            points.append(Point(now, done, epoch, now - step, float(loss), _held_out(entry)))
        step, epoch = now, done
    return Course(tuple(points), epochs, watched, start)


def _held_out(entry: Mapping[str, Any]) -> RowLosses | None:
    return _row_losses(entry, ROW_LOSSES, ROW_TOKENS) if ROW_LOSSES in entry else None


def _row_losses(entry: Mapping[str, Any], losses: str, tokens: str) -> RowLosses:
    return RowLosses(tuple(map(float, entry[losses])), tuple(map(int, entry[tokens])))
