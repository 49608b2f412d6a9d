"""In the first epoch the training loss falls faster than that of held-out rows."""

from __future__ import annotations

from typing import ClassVar

from retain.records import Alarm
from retain.training.alarms.history import Course
from retain.training.alarms.levels import GAP
from retain.training.alarms.rule import NOT_WATCHED, TOO_FEW, AlarmRule


class FastFall(AlarmRule):
    """In the first epoch the training loss falls faster than that of held-out rows.

    Too fast compared with what? Speed alone says nothing: SmolLM2-135M goes from 3.9 to 0.5 nats a token within six
    updates on rows of restaurant8k that it has never seen, because it learns their form. But until the first epoch ends
    every training row is as new as a held-out one when its loss is taken, so both losses fall alike ("at the end of the
    first epoch validation loss ~= train loss", Whitaker 2023, wandb.ai/johnowhitaker/llmemo). Where the training loss
    runs ahead, rows of the first epoch repeat each other, so that later ones are known already, or held-out rows are of
    another kind.

    Raised from a gap of 0.2 nats a token (``levels.GAP``), clear of 0 (one-sided 1% a look, Student's t).

    Requirements: held-out rows (``training.watch``).
    Relations: ``growing_gap`` looks at the epochs after the first. A rate that is too high makes the loss jump or the
    model forget, not this gap: ``training.learning_rate: scan``.
    """

    advice: ClassVar[str] = "Look for rows that repeat each other, and whether held-out rows are of the same kind."

    def read(self, course: Course) -> Alarm | None:
        """Decided where held-out rows were read in the first epoch."""
        held_out = course.last.held_out
        now = course.now() if held_out is not None and not course.repeats else None
        if held_out is None or now is None:
            return None
        gap = held_out.level - now
        raised = gap.value >= GAP and gap.above_zero()
        fell = f"In the first epoch the training loss fell to {now.value:.2f} nats a token, that of held-out rows to"
        so = "although both are new to the model" if raised else "as it should"
        return self.at(course, raised, f"{fell} {held_out.level.value:.2f}, {so}.")

    def untold(self, course: Course) -> Alarm:
        """Nothing was read in the first epoch, or too little logged."""
        return self.at(course, None, TOO_FEW if course.watched else NOT_WATCHED)
