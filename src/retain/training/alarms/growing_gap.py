"""Held-out loss minus training loss grows from epoch to epoch."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

from retain.records import Alarm
from retain.training.alarms.history import NEAR, Course, trend
from retain.training.alarms.levels import GAP, Level, RowLosses
from retain.training.alarms.rule import NOT_WATCHED, ONE_EPOCH, TOO_FEW, AlarmRule

HALF = 0.5
"""Of the first epoch: through so much of its end a line is drawn."""


class GrowingGap(AlarmRule):
    """After the first epoch held-out loss minus training loss grows.

    The gap is what an attacker who guesses by their loss which rows were trained on has in hand (Yeom et al. 2018,
    arXiv 1709.01604: membership advantage is the gap over the loss's bound). At the end of the first epoch it is about
    0, whatever was learned; what comes after is learned of rows that were seen before.

    Raised where it has grown by 0.2 nats a token (``levels.GAP``) since then, clear of 0 (one-sided 1% a look,
    Student's t). The held-out rows are the same each time, so that their change counts row by row; a gap that was there
    from the beginning, because they are harder, falls out. The training loss at the end of the first epoch is where a
    straight line through that epoch's second half ends, and so rather too low than too high.

    Requirements: held-out rows (``training.watch``), more than one epoch.
    Relations: ``stairs`` sees the same in the training loss alone, and at once.
    """

    advice: ClassVar[str] = "Stop earlier (early_stop, or fewer epochs), or train on more rows."

    def read(self, course: Course) -> Alarm | None:
        """Decided where held-out rows were read after the first epoch."""
        held_out, now, end = course.last.held_out, course.now(), _end_of_first_epoch(course)
        if not course.repeats or held_out is None or now is None or end is None:
            return None
        trained, new = now - end.trained, held_out.change_since(end.new)
        growth = new - trained
        raised = growth.value >= GAP and growth.above_zero()
        statement = (
            f"Since the end of the first epoch the training loss has moved by {trained.value:+.2f} nats a token and "
            f"that of held-out rows by {new.value:+.2f}: the gap has {'grown' if raised else 'not clearly grown'}."
        )
        return self.at(course, raised, statement)

    def untold(self, course: Course) -> Alarm:
        """One epoch, nothing read, or too little logged."""
        if not course.watched:
            return self.at(course, None, NOT_WATCHED)
        return self.at(course, None, TOO_FEW) if course.repeats else self.at(course, False, ONE_EPOCH)


class _End(NamedTuple):
    trained: Level
    new: RowLosses


def _end_of_first_epoch(course: Course) -> _End | None:
    """The training loss there, and that of held-out rows when they were last read before it."""
    read = [one.held_out for one in course.points if one.epoch <= 1 + NEAR and one.held_out is not None]
    trained = trend(course.between(1 - HALF, 1), 1) or trend(course.between(0, 1), 1)
    return _End(trained, read[-1]) if read and trained is not None else None
