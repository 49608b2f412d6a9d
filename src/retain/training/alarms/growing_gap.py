"""Held-out loss minus training loss grows from epoch to epoch."""

from __future__ import annotations

from typing import ClassVar

from retain.records import Alarm
from retain.training.alarms.history import NEAR, Course
from retain.training.alarms.levels import GAP, NOTHING, Level
from retain.training.alarms.rule import NOT_WATCHED, ONE_EPOCH, TOO_FEW, AlarmRule


class GrowingGap(AlarmRule):
    """After the first epoch held-out loss minus training loss grows.

    The gap is what an attacker who guesses by their loss which rows were trained on has in hand (Yeom et al. 2018,
    arXiv 1709.01604: membership advantage is the gap over the loss's bound). At the end of the first epoch it is about
    0, whatever was learned; what comes after is learned of rows that were seen before.

    Raised where it has grown by 0.2 nats a token (``levels.GAP``) since then, clear of 0 (one-sided 1% a look, Student's
    t). A gap that was there at the end of the first epoch is taken off: held-out rows may be harder. Errors of all four
    losses are added as if they were independent; the held-out rows are the same each time, so the test errs less often
    than it says.

    Requirements: held-out rows (``training.watch``), more than one epoch.
    Relations: ``stairs`` sees the same in the training loss alone, and at once.
    """

    advice: ClassVar[str] = "Stop earlier (early_stop, or fewer epochs), or train on more rows."

    def read(self, course: Course) -> Alarm | None:
        """Decided where held-out rows were read after the first epoch."""
        if not course.repeats:
            return None
        gap = _gap(course)
        if gap is None:
            return None
        first = _first_gap(course)
        growth = gap - first
        raised = growth.value >= GAP and growth.above_zero()
        statement = (
            f"Held-out rows have a loss {gap.value:.2f} nats a token above the training rows', at the end of the first "
            f"epoch {first.value:.2f}: it has {'grown' if raised else 'not clearly grown'}."
        )
        return self.at(course, raised, statement)

    def untold(self, course: Course) -> Alarm:
        """One epoch, nothing read, or too little logged."""
        if not course.watched:
            return self.at(course, None, NOT_WATCHED)
        return self.at(course, None, TOO_FEW) if course.repeats else self.at(course, False, ONE_EPOCH)


def _gap(course: Course) -> Level | None:
    held_out, now = course.last.held_out, course.now()
    return held_out - now if held_out is not None and now is not None else None


def _first_gap(course: Course) -> Level:
    """The gap when held-out rows were last read in the first epoch, at least 0."""
    counts = [n for n, one in enumerate(course.points, 1) if one.epoch <= 1 + NEAR and one.held_out is not None]
    gap = _gap(course.until(counts[-1])) if counts else None
    return NOTHING if gap is None else Level(max(gap.value, 0.0), gap.error, gap.freedom)
