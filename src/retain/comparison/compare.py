"""All changes between two measured models, paired item by item."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from retain.comparison.chance import near_chance
from retain.comparison.clusters import design_effect
from retain.comparison.intervals import Bounds
from retain.comparison.paired import Evidence, Paired, pair, weigh
from retain.comparison.pooled import pool
from retain.errors import UserError, listed
from retain.records import Change, Comparison, Measurement

HARMLESS_SETTINGS = frozenset({"batch_size", "device", "seconds", "threads", "workers"})
"""Keys of ``Measurement.settings`` that do not change a score: a difference is noted, not refused."""
_SAME = ("metric", "unit", "higher_is_better", "chance", "capability")

Key = tuple[str, str]


def compare(
    before: Sequence[Measurement],
    after: Sequence[Measurement],
    task_probes: Iterable[str] = (),
    base_name: str = "base",
    tuned_name: str = "tuned",
) -> Comparison:
    """Pair two models' measurements by probe and by item, and say what was gained and what was lost.

    Every delta is positive for better, whatever the metric's direction; in points of 100 for shares and in
    percent of the base's mean otherwise. ``before`` and ``after`` of a change are means over the paired
    items, in points for shares and in the metric's own unit otherwise. Every item has the same weight. The
    pooled loss is the mean over the losses' probes in points, each with the same weight, without those near
    chance (docs/decisions/pooled-loss.md); it is None where there are none.

    Args:
        before: the base's measurements.
        after: the tuned model's; one per probe, all of one split.
        task_probes: names of the probes that measure the task; the others measure capabilities.
        base_name: the base's name for people.
        tuned_name: the tuned model's.

    Raises:
        UserError: a probe was measured twice or on two splits, its metric or a setting that changes the score
            differs, its items do not overlap, a score is NaN, or no probe is in both. All problems at once.
    """
    names = set(task_probes)
    notes: list[str] = []
    problems: list[str] = []
    old, new = _by_key(before, "before", problems), _by_key(after, "after", problems)
    shared = [key for key in old if key in new]
    notes += _one_sided_notes(old, new)
    if len({split for _, split in shared}) > 1:
        problems.append("Both splits were measured, dev and test. Compare one split at a time.")
    if not shared and not problems:
        problems.append(_nothing_shared(old, new))
    for key in shared:
        problems += _differences(old[key], new[key], notes)
    pairs = {} if problems else _paired(shared, old, new, problems, notes)
    if problems:
        raise UserError(_message(problems))
    gains: list[Change] = []
    losses: list[Change] = []
    evidence: dict[str, Evidence] = {}
    for key, paired in pairs.items():
        is_task = key[0] in names
        found = weigh(paired)
        flagged = not is_task and _cannot_lose(old[key], paired)
        change = _change(old[key], new[key], paired, found, flagged)
        (gains if is_task else losses).append(change)
        evidence[change.probe] = found
    notes += [
        f'The task probe "{name}" was not measured.' for name in sorted(names - {c.probe for c in gains})
    ]
    return Comparison(
        base=base_name,
        tuned=tuned_name,
        gains=gains,
        losses=losses,
        pooled=_pooled(losses, evidence),
        notes=notes + _chance_notes(losses),
    )


def _by_key(measurements: Sequence[Measurement], side: str, problems: list[str]) -> dict[Key, Measurement]:
    found: dict[Key, Measurement] = {}
    for measurement in measurements:
        key = (measurement.probe, measurement.split)
        if key in found:
            problems.append(f'The probe "{measurement.probe}" occurs twice among the measurements {side}.')
        found[key] = measurement
    return found


def _one_sided_notes(old: dict[Key, Measurement], new: dict[Key, Measurement]) -> list[str]:
    notes = []
    for side, mine, other in (("before", old, new), ("after", new, old)):
        for probe, split in mine:
            if (probe, split) not in other:
                notes.append(f'"{probe}" ({split} items) was measured only {side} and is not compared.')
    return notes


def _nothing_shared(old: dict[Key, Measurement], new: dict[Key, Measurement]) -> str:
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
    for key in sorted(old.settings.keys() | new.settings.keys()):
        first, second = (_shown(m.settings, key) for m in (old, new))
        if first == second:
            continue
        text = f'"{old.probe}": the setting {key} is {first} before and {second} after.'
        if key in HARMLESS_SETTINGS:
            notes.append(text)
        else:
            problems.append(text)
    return problems


def _shown(settings: dict[str, Any], key: str) -> str:
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
    if len(problems) == 1:
        return f"These measurements cannot be compared. {problems[0]}"
    return f"These measurements cannot be compared ({len(problems)} problems):\n{listed(problems)}"


def _cannot_lose(old: Measurement, paired: Paired) -> bool:
    if not paired.share:
        return False
    good = paired.before if paired.higher_is_better else 1 - paired.before
    items = good.size / design_effect(good - good.mean(), paired.index)
    chance = old.chance if old.chance is None or paired.higher_is_better else 1 - old.chance
    return near_chance(float(good.mean()), items, chance)


def _change(old: Measurement, new: Measurement, paired: Paired, found: Evidence, flagged: bool) -> Change:
    level = 100.0 if paired.share else 1.0
    two, one = _in_hundred(found.two_sided), _in_hundred(found.one_sided)
    return Change(
        probe=old.probe,
        capability=old.capability,
        metric=old.metric,
        unit="points" if paired.share else "percent",
        generates=old.generates or new.generates,
        before=level * float(paired.before.mean()),
        after=level * float(paired.after.mean()),
        delta=_negated(100 * found.estimate),
        low=_negated(two.high),
        high=_negated(two.low),
        loss_low=one.low,
        loss_high=one.high,
        items=int(paired.before.size),
        effective_items=found.items,
        won=int(np.count_nonzero(paired.loss < 0)),
        lost=int(np.count_nonzero(paired.loss > 0)),
        binary=paired.binary,
        variance=100**2 * found.variance,
        p_loss=found.p_loss,
        near_chance=flagged,
        unpaired=paired.unpaired,
    )


def _in_hundred(bounds: Bounds) -> Bounds:
    return Bounds(100 * bounds.low, 100 * bounds.high)


def _negated(value: float) -> float:
    """-value, without the negative zero."""
    return 0.0 - value


def _pooled(losses: Sequence[Change], evidence: dict[str, Evidence]) -> Change | None:
    used = [change for change in losses if change.unit == "points" and not change.near_chance]
    if not used:
        return None
    pooled = pool([evidence[change.probe] for change in used])
    two, one = _in_hundred(pooled.two_sided), _in_hundred(pooled.one_sided)
    effective = sum(change.effective_items for change in used)
    return Change(
        probe="pooled",
        capability="all capabilities",
        metric=f"mean of {len(used)} probes",
        unit="points",
        generates=any(change.generates for change in used),
        before=math.fsum(change.before for change in used) / len(used),
        after=math.fsum(change.after for change in used) / len(used),
        delta=_negated(100 * pooled.estimate),
        low=_negated(two.high),
        high=_negated(two.low),
        loss_low=one.low,
        loss_high=one.high,
        items=sum(change.items for change in used),
        effective_items=effective,
        won=sum(change.won for change in used),
        lost=sum(change.lost for change in used),
        binary=all(change.binary for change in used),
        variance=100**2 * pooled.variance * effective,
        p_loss=pooled.p_loss,
        unpaired=sum(change.unpaired for change in used),
    )


def _chance_notes(losses: Sequence[Change]) -> list[str]:
    return [
        f'"{change.probe}" is near chance on this base ({change.before:.1f} points): the base cannot do '
        "this, so that no loss can show. It is left out of the pooled number."
        for change in losses
        if change.near_chance
    ]
