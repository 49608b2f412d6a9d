"""Held-out loss minus training loss grows from epoch to epoch."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

from retain.records import Alarm
from retain.training.alarms.history import NEAR, Course, end_of_line
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
    straight line through that epoch's second half ends, and so rather too low than too high. Where the first epoch has
    fewer than five log entries, the gap is taken to have been 0 at its end, as it is for rows of one kind.

    Requirements: held-out rows (``training.watch``), more than one epoch.
    Relations: ``stairs`` sees the same in the training loss alone, and at once.
    """

    advice: ClassVar[str] = "Stop earlier (early_stop, or fewer epochs), or train on more rows."

    def read(self, course: Course) -> Alarm | None:
        """Decided where held-out rows were read after the first epoch."""
        held_out = course.last.held_out
        if not course.repeats or held_out is None:
            return None
        now, end = course.now(), _end_of_first_epoch(course)
        if now is None:
            return None
        if end is None:
            growth = held_out.level - now
            seen = f"Held-out rows have a loss {growth.value:.2f} nats a token above the training rows'"
        else:
            trained, new = now - end.trained, held_out.change_since(end.new)
            growth = new - trained
            seen = f"Since the end of the first epoch the training loss moved by {trained.value:+.2f} nats a token and "
            seen += f"that of held-out rows by {new.value:+.2f}"
        raised = growth.value >= GAP and growth.above_zero()
        return self.at(course, raised, f"{seen}: the gap has {'grown' if raised else 'not clearly grown'}.")

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
    trained = end_of_line(course.between(1 - HALF, 1), 1) or end_of_line(course.between(0, 1), 1)
    return _End(trained, read[-1]) if read and trained is not None else None
