"""The section on the noise floor: how far the same weights move when they are measured twice."""

from __future__ import annotations

from retain.comparison.noise import exceeds, floor_for
from retain.records import Change, NoiseFloor, RunRecord
from retain.reporting.facts import Block
from retain.reporting.numbers import count, number_of, plain, signed

SAME_WEIGHTS = "Both sides are the same weights: nothing can have been forgotten, and what moved is the noise floor."
NOISE = (
    "The noise floor is how far an unchanged model's scores move when nothing but the way of measuring changes: the "
    "mean absolute difference of an item's score, with its 95% interval. A loss is called forgetting only where it is "
    "clear of the floor."
)


def noise_block(record: RunRecord) -> Block | None:
    """One row for each probe whose noise floor is known; None where none is."""
    comparison = record.comparison
    if not comparison.noise:
        return None
    changes = {change.probe: change for change in (*comparison.gains, *comparison.losses)}
    columns = ["Capability", "Null change", "Items", "Changed", "Moved", "95% interval", "Mean shift"]
    columns += [] if comparison.same_weights else ["Loss clear of it"]
    rows = []
    for floor in comparison.noise:
        row = [
            floor.capability,
            floor.null_change,
            count(floor.items),
            count(floor.changed),
            _value(floor, floor.moved),
            f"{_value(floor, floor.low)} to {_value(floor, floor.high)}",
            signed(floor.shift, _digits(floor)) + _unit(floor),
        ]
        rows.append(row if comparison.same_weights else [*row, _clear(changes.get(floor.probe), comparison.noise)])
    return Block("", columns=columns, rows=rows)


def noise_intro(record: RunRecord) -> str:
    """What the table means; that both sides are one model where they are."""
    return f"{SAME_WEIGHTS} {NOISE}" if record.comparison.same_weights else NOISE


def noise_lines(record: RunRecord) -> list[str]:
    """The noise floor for the terminal: one line for each probe, in the order of the comparison."""
    if not record.comparison.noise:
        return []
    head = SAME_WEIGHTS if record.comparison.same_weights else "Noise floor of the base, measured twice:"
    return [head, *(f"  - {floor_text(floor)}" for floor in record.comparison.noise)]


def floor_text(floor: NoiseFloor) -> str:
    """One probe's noise floor as a line."""
    unit = "points" if floor.unit == "points" else "percent"
    digits = _digits(floor)
    changed = f"{count(floor.changed)} of {number_of(floor.items, 'item')} changed"
    span = f"95% interval {plain(floor.low, digits)} to {plain(floor.high, digits)}"
    moved = f"moved {plain(floor.moved, digits)} {unit} ({span}), mean {signed(floor.shift, digits)}"
    return f"{floor.capability} ({floor.probe}): {changed}, {moved}"


def _clear(change: Change | None, noise: list[NoiseFloor]) -> str:
    if change is None:
        return "not compared"
    return "yes" if exceeds(change, floor_for(change, noise)) else "no"


def _value(floor: NoiseFloor, value: float) -> str:
    return plain(value, _digits(floor)) + _unit(floor)


def _unit(floor: NoiseFloor) -> str:
    return "" if floor.unit == "points" else "%"


def _digits(floor: NoiseFloor) -> int:
    return 1 if floor.unit == "points" else 3
