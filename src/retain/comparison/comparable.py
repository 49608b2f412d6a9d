"""Whether two measurements may be compared: same probe, split, metric and settings."""

from __future__ import annotations

import json
from collections.abc import Sequence

from retain.comparison.paired import Paired, pair
from retain.errors import UserError, listed
from retain.records import Measurement

HARMLESS_SETTINGS = frozenset({"batch_size", "device", "limit", "seconds", "threads", "workers"})
"""Keys of ``Measurement.settings`` that do not change a score: a difference is noted, not refused.

A fingerprint of all settings differs with ``limit``, and may then.
"""
_SAME = ("metric", "unit", "higher_is_better", "chance", "capability")

Key = tuple[str, str]


def matched(
    before: Sequence[Measurement], after: Sequence[Measurement], notes: list[str]
) -> list[tuple[Measurement, Measurement, Paired]]:
    """Pairs of measurements of one probe with their items paired, in the order of ``before``.

    What a reader must know is added to ``notes``: probes and items on one side only, harmless differences.

    Raises:
        UserError: all that makes them incomparable, at once (see ``compare``).
    """
    problems: list[str] = []
    old, new = _by_key(before, "before", problems), _by_key(after, "after", problems)
    shared = [key for key in old if key in new]
    notes += _one_sided_notes(old, new)
    if len({split for _, split in shared}) > 1:
        problems.append("Both splits were measured, dev and test. Compare one split at a time.")
    if not shared:
        problems.append(_nothing_shared(old, new))
    for key in shared:
        problems += _differences(old[key], new[key], notes)
    pairs = {} if problems else _paired(shared, old, new, problems, notes)
    if problems:
        raise UserError(_message(problems))
    return [(old[key], new[key], paired) for key, paired in pairs.items()]


def _by_key(measurements: Sequence[Measurement], side: str, problems: list[str]) -> dict[Key, Measurement]:
    """Measurements by probe and split; one that occurs twice is added to ``problems``."""
    found: dict[Key, Measurement] = {}
    for measurement in measurements:
        key = (measurement.probe, measurement.split)
        if key in found:
            problems.append(f'The probe "{measurement.probe}" occurs twice among the measurements {side}.')
        found[key] = measurement
    return found


def _one_sided_notes(old: dict[Key, Measurement], new: dict[Key, Measurement]) -> list[str]:
    """A note for each probe that only one side measured."""
    notes = []
    for side, mine, other in (("before", old, new), ("after", new, old)):
        for probe, split in mine:
            if (probe, split) not in other:
                notes.append(f'"{probe}" ({split} items) was measured only {side} and is not compared.')
    return notes


def _nothing_shared(old: dict[Key, Measurement], new: dict[Key, Measurement]) -> str:
    """What was measured on each side, where no probe is on both."""

    def names(side: dict[Key, Measurement]) -> str:
        return ", ".join(sorted(f"{probe} ({split})" for probe, split in side)) or "none"

    return f"No probe was measured on both sides. Before: {names(old)}. After: {names(new)}."


def _differences(old: Measurement, new: Measurement, notes: list[str]) -> list[str]:
    """Whatever makes the two scores incomparable, as problems; harmless differences become notes."""
    problems = [
        f'"{old.probe}": {name} is {getattr(old, name)!r} before and {getattr(new, name)!r} after.'
        for name in _SAME
        if getattr(old, name) != getattr(new, name)
    ]
    keys = {key for key in old.settings | new.settings if _shown(old, key) != _shown(new, key)}
    if "limit" in keys:
        keys.discard("fingerprint")
    for key in sorted(keys):
        first, second = _shown(old, key), _shown(new, key)
        text = f'"{old.probe}": the setting {key} is {first} before and {second} after.'
        if key in HARMLESS_SETTINGS:
            notes.append(text)
        else:
            problems.append(text)
    return problems


def _shown(measurement: Measurement, key: str) -> str:
    settings = measurement.settings
    return json.dumps(settings[key], sort_keys=True, default=str) if key in settings else "not set"


def _paired(
    shared: Sequence[Key],
    old: dict[Key, Measurement],
    new: dict[Key, Measurement],
    problems: list[str],
    notes: list[str],
) -> dict[Key, Paired]:
    pairs: dict[Key, Paired] = {}
    for key in shared:
        try:
            paired = pair(old[key], new[key])
        except UserError as error:
            problems.append(str(error))
            continue
        if paired.before.size == 0:
            notes.append(f'"{key[0]}" has no item that both sides scored and is not compared.')
            continue
        pairs[key] = paired
        if paired.unpaired:
            notes.append(f'"{key[0]}": {paired.unpaired} items were scored on one side only and left out.')
        both = len(old[key].left_out.keys() & new[key].left_out.keys())
        if both:
            notes.append(f'"{key[0]}": {both} items could not be scored on either side.')
    if not pairs and not problems:
        problems.append("No item was scored on both sides. " + " ".join(notes))
    return pairs


def _message(problems: Sequence[str]) -> str:
    """All problems as one message."""
    if len(problems) == 1:
        return f"These measurements cannot be compared. {problems[0]}"
    return f"These measurements cannot be compared ({len(problems)} problems):\n{listed(problems)}"
