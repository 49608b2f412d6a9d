"""All alarms of a training."""

from __future__ import annotations

from retain import registry
from retain.records import Alarm
from retain.training.alarms.history import Course
from retain.training.alarms.rule import AlarmRule

FOLDER = "training.alarms"
UNKNOWN = "The trainer's loss holds more than the task's, and nobody took the task's part apart."


def rules() -> list[AlarmRule]:
    """One of each alarm that there is, by name."""
    return [unit() for _, unit in sorted(registry.units(FOLDER).items())]


def read_alarms(course: Course) -> list[Alarm]:
    """Each alarm over a whole training: where it was first raised, else as last decided, else why it cannot be told."""
    return [_over(rule, course) for rule in rules()]


def _over(rule: AlarmRule, course: Course) -> Alarm:
    if not course.points:
        return rule.at(course, None, UNKNOWN)
    found = None
    for count in range(1, len(course.points) + 1):
        now = rule.read(course.until(count))
        found = now or found
        if now is not None and now.raised:
            return now
    return found or rule.untold(course)
