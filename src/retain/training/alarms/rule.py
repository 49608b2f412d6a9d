"""What an alarm's class is: a rule over the course of the losses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from retain.records import Alarm
from retain.training.alarms.history import Course

ONE_EPOCH = "The training ended with its first epoch: no row was trained on twice."
NOT_WATCHED = "No held-out rows were read during training (training.watch)."
TOO_FEW = "Too few log entries in an epoch to compare."


class AlarmRule(ABC):
    """Judges a training at its last point; a pure function of the losses, so that it can be simulated.

    An alarm is a hint. What it hints at, rows learned by heart, is measured by the recitation test, which it starts.
    """

    advice: ClassVar[str]
    """What to do about it, in one line."""

    @abstractmethod
    def read(self, course: Course) -> Alarm | None:
        """The alarm, raised or not, as the last point decides it; None where that point has nothing to decide it by."""

    @abstractmethod
    def untold(self, course: Course) -> Alarm:
        """The alarm of a training none of whose points could decide it; the statement says why."""

    @classmethod
    def name(cls) -> str:
        """The file's name."""
        return cls.__module__.rsplit(".", 1)[-1]

    def at(self, course: Course, raised: bool | None, statement: str) -> Alarm:
        """The alarm at the last point; advice goes with what is raised."""
        last = course.points[-1] if course.points else None
        return Alarm(
            name=self.name(),
            raised=raised,
            statement=statement,
            advice=self.advice if raised else "",
            step=last.step if last else None,
            epoch=last.epoch if last else None,
        )
