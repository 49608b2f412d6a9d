"""The training loss falls under 0.2 while that of new rows does not."""

from __future__ import annotations

from typing import ClassVar

from retain.records import Alarm
from retain.training.alarms.history import Course
from retain.training.alarms.levels import Level
from retain.training.alarms.rule import NOT_WATCHED, ONE_EPOCH, TOO_FEW, AlarmRule

THRESHOLD = 0.2
"""Nats a token: see ``LowLoss``."""


class LowLoss(AlarmRule):
    """The training loss falls under 0.2 nats a token while that of rows which are new to the model does not.

    The threshold is a vendor's heuristic without a measurement behind it: "If your training loss drops below 0.2, your
    model is likely overfitting" (Unsloth, LoRA Hyperparameters Guide). It supposes answers that could as well have been
    worded otherwise. Where the input settles the answer (labels, JSON with a fixed frame, SQL) a loss near 0 is what
    learning means: SmolLM2-135M is under 0.2 on rows it has never seen after half an epoch of restaurant8k. So the loss
    must also lie clearly under that of held-out rows (one-sided 1% a look, Student's t), and these not be under 0.2.

    Without held-out rows the end of the first epoch stands for them: until then each row is seen for the first time.
    Then a task that goes on being learned in later epochs cannot be told from rows that are.

    Relations: ``growing_gap`` asks the same at any height of the loss, and for more of a gap.
    """

    advice: ClassVar[str] = "Train for fewer epochs or at a lower rate, unless the recitation test finds nothing."

    def read(self, course: Course) -> Alarm | None:
        """Decided where held-out rows were read; without any, at each point after the first epoch."""
        unseen = self._unseen(course)
        now = course.now() if unseen is not None else None
        if unseen is None or now is None:
            return None
        rows = "held-out rows" if course.watched else "new rows, at the end of the first epoch,"
        losses = f"The training loss is {now.value:.2f} nats a token, that of {rows} {unseen.value:.2f}"
        if now.value >= THRESHOLD:
            return self.at(course, False, f"{losses}: the first is not under {THRESHOLD}.")
        if unseen.value < THRESHOLD or not (unseen - now).above_zero():
            return self.at(course, False, f"{losses}, about as low: the task was learned, not its rows.")
        return self.at(course, True, f"{losses}: under {THRESHOLD} only on rows that were trained on.")

    def untold(self, course: Course) -> Alarm:
        """There was nothing to compare with."""
        return self.at(course, None, TOO_FEW if course.watched or course.repeats else f"{NOT_WATCHED} {ONE_EPOCH}")

    def _unseen(self, course: Course) -> Level | None:
        if course.watched:
            return course.last.held_out.level if course.last.held_out is not None else None
        first = course.at_end_of_first_epoch()
        return first.now() if first is not None and course.repeats else None
