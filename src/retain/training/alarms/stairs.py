"""The training loss falls by a step where an epoch begins."""

from __future__ import annotations

import math
from typing import ClassVar

from retain.records import Alarm
from retain.training.alarms.history import NEAR, Course, step_at
from retain.training.alarms.levels import Level
from retain.training.alarms.rule import ONE_EPOCH, AlarmRule

FAMILY = 0.05
"""Share of trainings without stairs in which some epoch's start is called one."""
LEAST_DROP = 0.1
"""Of the loss before: see ``Stairs``."""
BEFORE, AFTER = 0.75, (0.5, 1.0)
"""Epochs before the start of one, and after it, that are looked at: twice, so that a clear step is told soon."""
NEIGHBOURS = 3
"""Log entries on each side at which a step must be less clear."""

TOO_FEW = "No start of an epoch has five log entries before it and after it."
TOO_SHORT = "The second epoch went on for less than half of its updates: a step at its start cannot be told."


class Stairs(AlarmRule):
    """The training loss falls by a step where an epoch begins: rows are known after one sight.

    What is learned of the task makes the loss fall smoothly, across epochs too. What is remembered of single rows shows
    when these rows come again, and that is at the start of an epoch: Howard and Whitaker 2023, "Can LLMs learn from a
    single example?" (fast.ai/posts/2023-09-04-learning-jumps).

    A cubic with a step at the start is drawn through the logarithms of the losses, from three quarters of an epoch
    before it to half an epoch after it, and once more to a whole one, so that a bend of the curve is not taken for a
    step. Raised where the step is at least a tenth of the loss before it, clear of 0 (Student's t; over all starts
    together one-sided 5%), and clearer than at each of the three log entries before the start and after it: a model
    that finds a rule makes the loss fall off too, but at any time. In long logs a step of any size would be clear; a
    tenth keeps those out that nobody would see in the curve.

    Requirements: five log entries before the start and five after it.
    Relations: needs no held-out rows; ``growing_gap`` says whether what is remembered generalises.
    """

    advice: ClassVar[str] = "Train for one epoch, at a lower rate, or on more rows: these are known after one sight."

    def read(self, course: Course) -> Alarm | None:
        """Decided for each start of an epoch, half an epoch after it and a whole one."""
        for start in range(1, math.ceil(course.last.epoch)):
            for width in AFTER:
                if _has_just_gone(course, min(start + width, course.epochs)):
                    return self._judge(course, start)
        return None

    def untold(self, course: Course) -> Alarm:
        """There is one epoch, the second one went on for too short a time, or too little was logged."""
        if not course.repeats:
            return self.at(course, False, ONE_EPOCH)
        judged_at = min(1 + AFTER[0], course.epochs)
        return self.at(course, None, TOO_FEW if course.last.epoch >= judged_at - NEAR else TOO_SHORT)

    def _judge(self, course: Course, start: int) -> Alarm | None:
        found = _step(course, start)
        if found is None:
            return None
        before, step = found
        starts = max(1, math.ceil(course.epochs - NEAR) - 1)
        level, share = math.exp(before.value), 1 - math.exp(-step.value)
        ends = f"from {level:.2f} to {level * (1 - share):.2f} nats a token"
        clear = share >= LEAST_DROP and step.above_zero(FAMILY / (starts * len(AFTER)))
        if clear and _is_clearest(course, start, step):
            return self.at(course, True, f"The training loss fell by a step {ends} where epoch {start + 1} began.")
        return self.at(course, False, f"Where epoch {start + 1} began the training loss went on {ends}: no clear step.")


def _step(course: Course, at: float) -> tuple[Level, Level] | None:
    return step_at(course.between(at - BEFORE, at + 1), at)


def _is_clearest(course: Course, start: int, step: Level) -> bool:
    """Whether there is no clearer step a few log entries earlier or later."""
    ends = [one.epoch for one in course.points]
    here = min(range(len(ends)), key=lambda place: abs(ends[place] - start))
    others = [here + side * count for count in range(1, NEIGHBOURS + 1) for side in (-1, 1)]
    found = [_step(course, ends[place]) for place in others if 0 <= place < len(ends)]
    return all(one is None or one[1].in_errors <= step.in_errors for one in found)


def _has_just_gone(course: Course, epoch: float) -> bool:
    """Whether the last point is the first one there or beyond."""
    earlier = course.points[-2].epoch if len(course.points) > 1 else 0.0
    return earlier < epoch - NEAR <= course.last.epoch
