"""Overfitting alarms as people read them, with what the recitation test found."""

from __future__ import annotations

from retain.records import Alarm, RunRecord, Training
from retain.reporting.facts import Block
from retain.reporting.numbers import count, duration, number_of, plain
from retain.reporting.text import words

INTRO = (
    "Read off the losses while training went on. An alarm is a hint that rows were learned by heart, not a verdict: "
    "what decides is the recitation test, which an alarm starts."
)
RECITATION = "recitation"
_OUTCOMES = {True: "raised", False: "silent", None: "cannot be told"}


def alarm_intro(record: RunRecord) -> str:
    """What alarms are, what was read for them, and what the recitation test found."""
    return " ".join(filter(None, [INTRO, _watched(record), recited(record)]))


def alarm_block(record: RunRecord) -> Block | None:
    """One row for each alarm, raised ones first; None where training had none."""
    alarms = record.training.alarms if record.training else []
    if not alarms:
        return None
    ordered = sorted(alarms, key=lambda one: list(_OUTCOMES).index(one.raised))
    columns = ["Alarm", "Outcome", "Update", "Epoch", "What was seen", "What to do"]
    rows = [_row(one) for one in ordered]
    if not any(one.advice for one in alarms):  # all are silent
        columns, rows = columns[:-1], [row[:-1] for row in rows]
    return Block("", columns=columns, rows=rows)


def alarm_lines(record: RunRecord) -> list[str]:
    """Each raised alarm and what the recitation test found, as lines of plain text; nothing where none was raised."""
    raised = [one for one in record.training.alarms if one.raised] if record.training else []
    lines = [f"{words(one.name)}: {one.statement} {one.advice}" for one in raised]
    return [*lines, recited(record)] if lines and recited(record) else lines


def alarm_flags(training: Training) -> list[tuple[float, str]]:
    """(update, name) of each alarm that was raised at a known update, to be marked in a chart."""
    return [(float(one.step), words(one.name)) for one in training.alarms if one.raised and one.step is not None]


def recited(record: RunRecord) -> str:
    """What the recitation test found, as a sentence; empty where it was not tried."""
    found = next((one for one in record.comparison.symptoms if one.name == RECITATION), None)
    if found is None or record.recitation is None:
        return ""
    outcome = {True: "rows are known by heart", False: "no row is known by heart", None: "cannot be told"}[found.found]
    return f"Recitation test: {outcome}. {found.statement}"


def _watched(record: RunRecord) -> str:
    training = record.training
    if training is None or not training.held_out:
        return ""
    rows, took = count(len(training.held_out[0].losses)), duration(training.watch_seconds)
    return f"The loss of {rows} dev rows was read {number_of(len(training.held_out), 'time')}, which took {took}."


def _row(one: Alarm) -> list[str]:
    step = count(one.step) if one.step is not None else ""
    epoch = plain(one.epoch, 2) if one.epoch is not None else ""
    return [words(one.name), _OUTCOMES[one.raised], step, epoch, one.statement, one.advice]
