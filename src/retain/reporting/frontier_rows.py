"""The rows of a frontier's tables: every number formatted once for all kinds of report. Foreign text is not escaped."""

from __future__ import annotations

from dataclasses import dataclass

from retain.frontier_records import ArmResult, FrontierRecord, groups, point_label
from retain.records import Change
from retain.reporting.arm_means import mean_change
from retain.reporting.drawing import Tone
from retain.reporting.facts import as_text
from retain.reporting.numbers import count, duration, in_unit, interval, plain, signed
from retain.reporting.tables import TONES

RECIPE = "recommended.yaml"
"""The recommended arm's recipe, beside the reports."""
DROPPED, NOT_RUN = "Dropped after short runs", "Rungs that were not needed"


@dataclass(frozen=True)
class ArmRow:
    """One arm: the choice on dev items, then what test items say of it."""

    name: str
    failed: str
    strength: str = ""
    dev_gain: str = ""
    dev_loss: str = ""
    gain: str = ""
    gain_interval: str = ""
    mean: str = ""
    mean_interval: str = ""
    outcome: str = ""
    tone: Tone = "muted"
    task_tokens: str = ""
    seconds: str = ""
    recommended: bool = False
    folder: str = ""


@dataclass(frozen=True)
class StrengthRow:
    """One arm at one strength, on dev items."""

    arm: str
    strength: str
    gain: str
    loss: str
    worst: str
    worst_loss: str
    passing: bool
    chosen: bool
    """The arm took this strength."""
    pareto: bool
    """No other point beats it in both gain and mean loss."""


def arm_rows(record: FrontierRecord) -> list[ArmRow]:
    """In the order in which arms were trained."""
    return [_arm(arm, record) for arm in record.arms]


def _arm(arm: ArmResult, record: FrontierRecord) -> ArmRow:
    if arm.failed:
        return ArmRow(arm.name, arm.failed, folder=arm.folder)
    chosen = arm.taken
    return ArmRow(
        name=arm.name,
        failed="",
        strength=f"{chosen.value:g}",
        dev_gain=signed(chosen.gain),
        dev_loss=plain(chosen.mean_loss),
        gain=_delta(arm.gain),
        gain_interval=_interval(arm.gain),
        mean=_delta(arm.mean),
        mean_interval=_interval(arm.mean),
        outcome=str(arm.outcome),
        tone=TONES.get(str(arm.outcome), "muted"),
        task_tokens=count(arm.task_tokens),
        seconds=duration(arm.seconds),
        recommended=record.recommended is not None and record.recommended.key == arm.key,
        folder=arm.folder,
    )


def _delta(change: Change | None) -> str:
    return "" if change is None else signed(change.delta)


def _interval(change: Change | None) -> str:
    return "" if change is None else interval(change.low, change.high)


def strength_rows(record: FrontierRecord) -> list[StrengthRow]:
    """Every arm at every strength."""
    best = set(record.pareto)
    return [
        StrengthRow(
            arm=arm.name,
            strength=f"{one.value:g}",
            gain=signed(one.gain),
            loss=plain(one.mean_loss),
            worst=one.worst,
            worst_loss=in_unit(one.worst_loss, one.worst_unit) if one.worst else "",
            passing=one.passing,
            chosen=one.value == arm.strength,
            pareto=point_label(*arm.key, one.value) in best,
        )
        for arm in record.arms
        for one in arm.curve
    ]


@dataclass(frozen=True)
class Tile:
    """A number that a reader wants first."""

    name: str
    value: str
    range: str
    note: str


def tiles(record: FrontierRecord) -> list[Tile]:
    """What test items say of the recommended arm, over its seeds."""
    taken = record.recommended
    seeds = next((group for group in groups(record.arms) if taken is not None and group[0].key == taken.key), [])
    over = f", mean of {len(seeds)} seeds" if len(seeds) > 1 else ""
    found = []
    for name, note, changes in (
        ("Gain", "on the task", [arm.gain for arm in seeds]),
        ("Mean change of capabilities", f"margin {plain(record.recipe['gate']['mean_margin'])}", _means(seeds)),
    ):
        one = mean_change(changes)
        if one is not None:
            found.append(Tile(name, signed(one.value), interval(one.low, one.high), f"{note}, test items{over}"))
    return found


def _means(seeds: list[ArmResult]) -> list[Change | None]:
    return [arm.mean for arm in seeds]


def replaced(record: FrontierRecord) -> list[tuple[str, str, str]]:
    """(arm, setting, value) of what each arm replaces in the recipe; once for all its seeds and shares."""
    variants = {arm.variant: arm.changes for arm in record.arms}
    return [(name, path, as_text(value)) for name, changes in variants.items() for path, value in changes.items()]


def left_out(record: FrontierRecord) -> list[tuple[str, str]]:
    """(why, names) of arms that were not trained in full."""
    found = ((DROPPED, record.dropped), (NOT_RUN, record.not_run))
    return [(why, ", ".join(names)) for why, names in found if names]
