"""The training loss falls by a step where an epoch begins."""

from __future__ import annotations

import math
from typing import ClassVar

from retain.records import Alarm
from retain.training.alarms.history import NEAR, Course, trend
from retain.training.alarms.rule import ONE_EPOCH, AlarmRule

FAMILY = 0.05
"""Share of trainings without stairs in which some epoch's start is called one."""
LEAST_DROP = 0.1
"""Of the loss before: see ``Stairs``."""
WIDTHS = (0.5, 1.0)
"""Epochs on each side that are looked at; the second where the first has too few log entries."""


class Stairs(AlarmRule):
    """The training loss falls by a step where an epoch begins: rows are known after one sight.

    What is learned of the task makes the loss fall smoothly, across epochs too. What is remembered of single rows shows
    when these rows come again, and that is at the start of an epoch: Howard and Whitaker 2023, "Can LLMs learn from a
    single example?" (fast.ai/posts/2023-09-04-learning-jumps).

    A straight line is drawn through the losses of the half epoch before the start and another through those of the half
    epoch after it, and both are prolonged to it. Raised where the second ends at least a tenth lower than the first,
    clear of 0 (Student's t; over all starts together one-sided 5%). Straight lines through a loss that falls ever
    more slowly understate a step. Single updates scatter by 12 to 60% around their trend (docs/LOG.md), so with half an
    epoch of 20 of them only steps of about a quarter and more are clear; in long logs any would be, and a tenth keeps
    those out that nobody would see in the curve.

    Requirements: five log entries in half an epoch, or in a whole one.
    Relations: needs no held-out rows; ``growing_gap`` says whether what is remembered generalises.
    """

    advice: ClassVar[str] = "Train for one epoch, at a lower rate, or on more rows: these are known after one sight."

    def read(self, course: Course) -> Alarm | None:
        """Decided once for each start of an epoch, half an epoch after it; or a whole one where entries are few."""
        for width in WIDTHS:
            start = _start(course, width)
            if start is not None:
                return self._judge(course, start, width)
        return None

    def untold(self, course: Course) -> Alarm:
        """There is one epoch, or too little was logged."""
        if not course.repeats:
            return self.at(course, False, ONE_EPOCH)
        return self.at(course, None, "No start of an epoch has five log entries before it and after it.")

    def _judge(self, course: Course, start: int, width: float) -> Alarm:
        before = trend(course.between(start - width, start), start)
        after = trend(course.between(start, start + width), start)
        assert before is not None and after is not None
        step = before - after
        starts = max(1, math.ceil(course.epochs - NEAR) - 1)
        raised = step.value >= LEAST_DROP * before.value and step.above_zero(FAMILY / starts)
        ends = f"from {before.value:.2f} to {after.value:.2f} nats a token"
        if raised:
            return self.at(course, True, f"The training loss fell by a step {ends} where epoch {start + 1} began.")
        return self.at(course, False, f"Where epoch {start + 1} began the training loss went on {ends}: no clear step.")


def _start(course: Course, width: float) -> int | None:
    """The epoch whose start is decided at the last point, which has just gone ``width`` beyond it."""
    for start in range(1, math.ceil(course.last.epoch)):
        there = min(start + width, course.epochs) - NEAR
        if course.last.epoch < there or (len(course.points) > 1 and course.points[-2].epoch >= there):
            continue
        narrower = [other for other in WIDTHS if other < width]
        if _enough(course, start, width) and not any(_enough(course, start, other) for other in narrower):
            return start
    return None


def _enough(course: Course, start: int, width: float) -> bool:
    sides = (course.between(start - width, start), course.between(start, start + width))
    return all(trend(side, start) is not None for side in sides)
