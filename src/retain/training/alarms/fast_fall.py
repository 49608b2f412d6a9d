"""In the first epoch the training loss falls faster than that of held-out rows."""

from __future__ import annotations

from typing import ClassVar

from retain.records import Alarm
from retain.training.alarms.history import Course
from retain.training.alarms.levels import GAP
from retain.training.alarms.rule import NOT_WATCHED, TOO_FEW, AlarmRule

AHEAD = "the gap grew although both are new to the model"
HARDER = "these were harder for the base already"
ALIKE = "as it should be"
NO_START = "No training rows were read before the first update, so that nobody knows whether held-out rows are harder."


class FastFall(AlarmRule):
    """In the first epoch the training loss falls faster than that of held-out rows.

    Too fast compared with what? Speed alone says nothing: SmolLM2-135M goes from 3.9 to 0.5 nats a token within six
    updates on rows of restaurant8k that it has never seen, because it learns their form. But until the first epoch ends
    every training row is as new as a held-out one when its loss is taken, so both losses fall alike ("at the end of the
    first epoch validation loss ~= train loss", Whitaker 2023, wandb.ai/johnowhitaker/llmemo). Where the training loss
    runs ahead, rows of the first epoch repeat each other, so that later ones are known already, or held-out rows are of
    another kind.

    Raised from a gap of 0.2 nats a token (``levels.GAP``), clear of 0 (one-sided 1% a look, Student's t), that has
    grown by as much since before the first update: held-out rows that are merely harder are so for the base already.
    How hard both are for the base is read once, on as many training rows as held-out ones. The growth is asked for as
    it is, not clear of 0: with answers of a few tokens what these rows say of the base is uncertain by more than a nat.

    Requirements: held-out rows (``training.watch``).
    Relations: ``growing_gap`` looks at the epochs after the first. A rate that is too high makes the loss jump or the
    model forget, not this gap: ``training.learning_rate: scan``.
    """

    advice: ClassVar[str] = "Look for rows that repeat each other, and whether held-out rows are of the same kind."

    def read(self, course: Course) -> Alarm | None:
        """Decided where held-out rows were read in the first epoch."""
        held_out = course.last.held_out
        now = course.now() if held_out is not None and not course.repeats else None
        start = course.start
        if held_out is None or now is None or start is None:
            return None
        gap = held_out.level - now
        wide = gap.value >= GAP and gap.above_zero()
        raised = wide and gap.value - start.gap >= GAP
        trained = f"the training loss went from {start.trained.level.value:.2f} to {now.value:.2f} nats a token"
        new = f"that of held-out rows from {start.new.level.value:.2f} to {held_out.level.value:.2f}"
        so = AHEAD if raised else HARDER if wide else ALIKE
        return self.at(course, raised, f"In the first epoch {trained}, {new}: {so}.")

    def untold(self, course: Course) -> Alarm:
        """Nothing was read in the first epoch or before it, or too little logged."""
        if not course.watched:
            return self.at(course, None, NOT_WATCHED)
        return self.at(course, None, NO_START if course.start is None else TOO_FEW)
