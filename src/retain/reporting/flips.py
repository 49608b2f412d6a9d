"""The section on flips: what was lost and won after what guessing explains."""

from __future__ import annotations

from retain.records import Change, RunRecord
from retain.reporting.facts import Block
from retain.reporting.numbers import count, plain, share

GUESSING = (
    "A model that guesses among choices is right now and then, and another guess is wrong: such flips are no "
    "forgetting. The last columns take off what guessing explains if each model knows an item or guesses anew. Two "
    "similar models guess alike, and then that takes off too much: read them as the least that was lost and won."
)


def guessing_block(record: RunRecord) -> Block | None:
    """Probes with choices: items lost and won, plain and beyond guessing; None where there is none."""
    changes = [*record.comparison.gains, *record.comparison.losses]
    rows = [_row(change) for change in changes if change.lost_beyond_guessing is not None]
    if not rows:
        return None
    columns = ["Capability", "Probe", "Items", "Lost", "Won", "Lost beyond guessing", "Won beyond guessing"]
    return Block("", columns=columns, rows=rows)


def _row(change: Change) -> list[str]:
    beyond = [_part(value, change.items) for value in (change.lost_beyond_guessing, change.won_beyond_guessing)]
    plainly = [_part(value, change.items) for value in (change.lost, change.won)]
    return [change.capability, change.probe, count(change.items), *plainly, *beyond]


def _part(value: float | None, items: int) -> str:
    return f"{plain(value, 0)} ({share(value or 0.0, items)})"
