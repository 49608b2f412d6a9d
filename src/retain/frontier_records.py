"""What ``retain frontier`` found: each arm, the one to take, and the exit code. Changes are in points of 100."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from retain.records import EXIT_CODES, Candidate, Change, Outcome, Record, Versioned


class ArmResult(Record):
    """What one arm of a frontier came to."""

    name: str
    variant: str
    """The name without seed and share of the rows."""
    changes: dict[str, Any]
    """What it replaces in the recipe: path of a setting -> value."""
    share: float
    """Of the training rows."""
    seed: int
    folder: str
    """Its run, relative to the frontier's folder."""
    factor: str = ""
    """The one thing in which it differs from other arms; empty where that is not one thing."""
    level: float | str | None = None
    """Of the factor."""
    plain: bool = False
    """Nothing is done against forgetting."""
    curve: list[Candidate] = []
    """Dev items, by strength."""
    strength: float | None = None
    """Chosen on dev items."""
    gain: Change | None = None
    """Test items, at the chosen strength."""
    mean: Change | None = None
    """Test items: the pooled change of the capabilities."""
    outcome: Outcome | None = None
    task_tokens: int = 0
    seconds: float = 0.0
    """Of training."""
    failed: str = ""
    """Why it could not be trained or measured."""

    @property
    def key(self) -> tuple[str, float]:
        """What its seeds have in common: the variant and the share of the rows."""
        return self.variant, self.share

    @property
    def taken(self) -> Candidate:
        """Dev items, at the strength that it chose; only of an arm that did not fail."""
        return next(one for one in self.curve if one.value == self.strength)


class Recommendation(Record):
    """The arm that a frontier speaks for."""

    variant: str
    share: float
    strength: float
    reason: str
    passing: bool
    """On dev items, with every seed."""

    @property
    def key(self) -> tuple[str, float]:
        """As :attr:`ArmResult.key`."""
        return self.variant, self.share


class FrontierRecord(Versioned):
    """All arms on one base, one task and one set of probes."""

    title: str
    recipe: dict[str, Any]
    provenance: dict[str, Any] = {}
    arms: list[ArmResult]
    """Those that were trained in full, then those that failed in their short runs."""
    dropped: list[str] = []
    """Arms that short runs spoke against."""
    not_run: list[str] = []
    """Rungs of the ladder that were not needed."""
    pareto: list[str] = []
    """Points (arm at a strength) that no other beats in both gain and loss on dev items."""
    recommended: Recommendation | None = None
    advice: str = ""
    """Whether more rows or another recipe is the better next step, where shares of the rows were tried."""


def frontier_exit(record: FrontierRecord) -> int:
    """Exit code of a frontier: that of the worst verdict which the recommended arm got; 4 where no arm could be run."""
    taken = record.recommended
    if taken is None:
        return 4
    outcomes = [arm.outcome for arm in record.arms if arm.key == taken.key]
    codes = [EXIT_CODES[outcome] for outcome in outcomes if outcome is not None]
    return 1 if 1 in codes else max(codes)


def groups(arms: Sequence[ArmResult]) -> list[list[ArmResult]]:
    """The seeds of each variant and share of the rows; those of which a seed failed are left out."""
    found: dict[tuple[str, float], list[ArmResult]] = {}
    for arm in arms:
        found.setdefault(arm.key, []).append(arm)
    return [seeds for seeds in found.values() if not any(arm.failed for arm in seeds)]


def in_percent(share: float) -> str:
    """A share of the rows in as many digits as tell it from others: ``12%``, ``12.5%``."""
    return f"{100 * share:g}%"


def row_label(variant: str, share: float) -> str:
    """What a person calls an arm, whatever its seed."""
    return variant if share == 1 else f"{variant}, {in_percent(share)} of the rows"


def point_label(variant: str, share: float, strength: float) -> str:
    """The same at a strength."""
    return f"{row_label(variant, share)} at {strength:g}"


def gain_unit(arms: Sequence[ArmResult]) -> str:
    """Points, or percent of the base's value where the task is measured in bits per byte."""
    units = {arm.gain.unit for arm in arms if arm.gain is not None}
    return "percent" if units == {"percent"} else "points"
