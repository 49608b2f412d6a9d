"""What a report does not know: what these items cannot decide, what the base cannot do, what nobody could look at."""

from __future__ import annotations

from dataclasses import dataclass

from retain.records import Measurement, RunRecord
from retain.reporting.numbers import number_of
from retain.reporting.tables import loss_rows, pooled_row, probe_of, unproven
from retain.reporting.text import words

INTRO = "A report that names only what it found would say too much. This is what it cannot say."


@dataclass(frozen=True)
class Gap:
    """One kind of thing that is not known, with what it concerns. Names are foreign text, not escaped."""

    title: str
    why: str
    lines: list[tuple[str, str]]
    """(what, how much or why)."""


def gaps(record: RunRecord) -> list[Gap]:
    """Everything that is not known, the gravest first; empty where there is nothing."""
    found = [_undecided(record), _near_chance(record), _untold(record), _one_sided(record), _missing(record)]
    return [gap for gap in found if gap.lines]


def _undecided(record: RunRecord) -> Gap:
    lines = []
    pooled = pooled_row(record)
    if pooled is not None and pooled.outcome == "inconclusive":
        lines.append((pooled.label, f"{pooled.items} items measured"))
    for row in unproven(record):
        lines.append((row.label, f"{row.items} items measured{f', {row.needed} would decide' if row.needed else ''}"))
    why = "These capabilities may or may not have lost more than their margin. Measuring more items would tell."
    return Gap("Not proven", why, lines)


def _near_chance(record: RunRecord) -> Gap:
    rows = [row for row in loss_rows(record) if row.outcome == "near chance"]
    why = (
        "The base itself does hardly better than guessing here: these probes cannot show a loss, and count for nothing."
    )
    return Gap("What the base cannot do", why, [(row.label, f"the base scores {row.before}") for row in rows])


def _untold(record: RunRecord) -> Gap:
    lines = [
        (f"{words(one.name)}, {one.capability}", one.statement)
        for one in record.comparison.symptoms
        if one.found is None
    ]
    alarms = record.training.alarms if record.training else []
    lines += [(f"{words(one.name)} (alarm)", one.statement) for one in alarms if one.raised is None]
    return Gap("Cannot be told", "There are too few items to see it by, or it was not looked for.", lines)


def _one_sided(record: RunRecord) -> Gap:
    before, after = ({one.probe for one in side} for side in (record.before, record.after))
    lines = [(name, "only the base was measured") for name in sorted(before - after)]
    lines += [(name, "only the tuned model was measured") for name in sorted(after - before)]
    return Gap("Measured on one side only", "Without both models there is no change.", lines)


def _missing(record: RunRecord) -> Gap:
    changes = [*record.comparison.gains, *record.comparison.losses]
    lines = []
    for change in changes:
        left = {**_left_out(record.before, change.probe), **_left_out(record.after, change.probe)}
        parts = [f"{number_of(len(left), 'item')} without a score"] if left else []
        parts += [f"{number_of(change.unpaired, 'item')} scored for one model only"] if change.unpaired else []
        lines += [(change.capability, ", ".join(parts))] if parts else []
    return Gap("Items left out", "A missing score is missing, never zero; nothing is known of these items.", lines)


def _left_out(measurements: list[Measurement], probe: str) -> dict[str, str]:
    found = probe_of(measurements, probe)
    return found.left_out if found else {}
