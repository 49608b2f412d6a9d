"""How the learning rate goes: by transformers' names, and what those schedules are given beyond a warmup."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

Schedule = Literal["linear", "cosine", "constant", "constant_with_warmup", "cosine_with_min_lr", "warmup_stable_decay"]
LOWEST = 0.1
"""Share of the peak rate where a schedule that does not fall to nothing ends."""
DECAY = 0.2
"""Share of the updates in which ``warmup_stable_decay`` lets the rate fall."""
READS = {"lowest_rate": ("cosine_with_min_lr", "warmup_stable_decay"), "decay": ("warmup_stable_decay",)}
"""Knob -> the schedules that read it."""
DECAY_STEPS = "num_decay_steps"


def schedule_problem(schedule: str, warmup: float, lowest_rate: float | None, decay: float | None) -> str | None:
    """What is wrong with a schedule and its knobs, or None."""
    for knob, value in (("lowest_rate", lowest_rate), ("decay", decay)):
        if value is not None and schedule not in READS[knob]:
            return f"{knob} has no effect with schedule: {schedule}; it is for {' and '.join(READS[knob])}"
    if schedule == "warmup_stable_decay" and warmup + (DECAY if decay is None else decay) > 1:
        return "warmup and decay are shares of the updates, and together more than 1; lower one of them"
    return None


def schedule_arguments(schedule: str, lowest_rate: float | None, decay: float | None) -> dict[str, Any]:
    """``lr_scheduler_kwargs`` for transformers; nothing where the schedule needs none.

    A decay stands there as a share of the updates, as a warmup below 1 does; :func:`in_updates` counts it.
    """
    lowest = LOWEST if lowest_rate is None else lowest_rate
    if schedule == "cosine_with_min_lr":
        return {"min_lr_rate": lowest}
    if schedule == "warmup_stable_decay":
        return {"min_lr_ratio": lowest, DECAY_STEPS: DECAY if decay is None else decay}
    return {}


def in_updates(arguments: Mapping[str, Any], updates: int) -> dict[str, Any]:
    """``lr_scheduler_kwargs`` with a decay that is a share, 1 or less, as a number of updates, at least one."""
    found = dict(arguments)
    if isinstance(found.get(DECAY_STEPS), float) and found[DECAY_STEPS] <= 1:
        found[DECAY_STEPS] = max(1, round(found[DECAY_STEPS] * updates))
    return found
