"""One capability falls by a multiple of what the others lose."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from scipy import stats

from retain.comparison.symptoms.examples import worst_example
from retain.comparison.symptoms.judging import Shift
from retain.comparison.symptoms.rule import SymptomRule
from retain.comparison.symptoms.side_by_side import Material
from retain.records import Change, Symptom

WHERE = "all capabilities"
MULTIPLE = 3.0
LEAST_LOSS = 10.0
"""Points: see ``CapabilityCliff``."""
LEAST_CAPABILITIES = 3


@dataclass(frozen=True)
class Loss:
    """The change of one capability in points, with its two-sided 95% interval: negative = lost."""

    capability: str
    probes: frozenset[str]
    before: float
    after: float
    delta: float
    low: float
    high: float
    items: int


def by_capability(changes: Sequence[Change]) -> list[Loss]:
    """The mean change over each capability's probes, which are taken as independent; ends by MOVER."""
    probes: defaultdict[str, list[Change]] = defaultdict(list)
    for one in changes:
        probes[one.capability].append(one)
    return [_mean(capability, found) for capability, found in probes.items()]


def _mean(capability: str, changes: Sequence[Change]) -> Loss:
    number = len(changes)
    delta = math.fsum(one.delta for one in changes) / number
    return Loss(
        capability=capability,
        probes=frozenset(one.probe for one in changes),
        before=math.fsum(one.before for one in changes) / number,
        after=math.fsum(one.after for one in changes) / number,
        delta=delta,
        low=delta - math.hypot(*(one.delta - one.low for one in changes)) / number,
        high=delta + math.hypot(*(one.high - one.delta for one in changes)) / number,
        items=sum(one.items for one in changes),
    )


class CapabilityCliff(SymptomRule):
    """One capability falls by a multiple of what the others lose on average.

    Main number: a capability's loss minus three times the mean loss of the others (0 where they gained), in points;
    lower is better. Its interval comes from the ends of all intervals (MOVER). A capability's loss is the mean over its
    probes in points that are clear of chance, written or not.

    Found where that is clear of 0, with an interval that is widened for having looked at each capability (Bonferroni),
    and the loss is at least 10 points. Three times the others, because losses of two equal abilities easily differ by
    a factor of two by their items alone; 10 points, because a mean loss of 1 point, which a gate accepts by default,
    is kept if one of ten capabilities loses that much and the others nothing. Cannot be told where a loss is clear of
    0, or 10 points and more, and its plain interval leaves open whether it is a cliff. Where everything falls alike
    there is none, however deep.

    Relations: the verdict tells which capabilities were forgotten; this says that a mean hides it. Bits per byte, in
    percent, are left out.
    """

    def read(self, material: Material) -> list[Symptom]:
        """One entry for each cliff, or one that says that there is none."""
        changes = [one for one in material.comparison.losses if one.unit == "points" and not one.near_chance]
        losses = by_capability([one for one in changes if all(map(math.isfinite, (one.delta, one.low, one.high)))])
        if len(losses) < LEAST_CAPABILITIES:
            why = f"It takes at least {LEAST_CAPABILITIES} capabilities in points, clear of chance, to tell one apart"
            return [self.untold(WHERE, f"{why}; here are {len(losses)}.")]
        wider = float(stats.norm.isf(0.025 / len(losses)) / stats.norm.isf(0.025))
        others = {one.capability: [other for other in losses if other is not one] for one in losses}
        sure = {one.capability: _excess(one, others[one.capability], wider) for one in losses}
        cliffs = [one for one in losses if sure[one.capability].low > 0 and -one.delta >= LEAST_LOSS]
        if cliffs:
            return [self._cliff(one, losses, material) for one in sorted(cliffs, key=lambda one: one.delta)]
        excess = {one.capability: _excess(one, others[one.capability]) for one in losses}
        unsure = [one for one in losses if excess[one.capability].high >= 0 and _may_be_large(one)]
        nearest = max(unsure or losses, key=lambda one: excess[one.capability].after)
        return [self._none(nearest, excess[nearest.capability], others[nearest.capability], bool(unsure))]

    def _cliff(self, cliff: Loss, losses: Sequence[Loss], material: Material) -> Symptom:
        others = [one for one in losses if one is not cliff]
        more = "three times as much" if _mean_loss(others) > 0 else "that"
        statement = (
            f"{cliff.capability} lost {-cliff.delta:.1f} points (95% interval {-cliff.high:.1f} to {-cliff.low:.1f}), "
            f"the other {len(others)} capabilities {_on_average(others)}: it lost clearly more than {more}. "
            f"It counts from {LEAST_LOSS:g} points."
        )
        example = worst_example([one for one in material.answers if one.probe in cliff.probes and one.fall > 0])
        lines = [f"{one.capability}: {one.delta:+.1f} points" for one in (cliff, *others)]
        return self.judged(cliff.capability, _shift(cliff), True, statement, example, lines)

    def _none(self, first: Loss, excess: Shift, others: Sequence[Loss], unsure: bool) -> Symptom:
        side = "above" if excess.after > 0 else "below"
        seen = (
            f"Nearest to it is {first.capability}: {_lost(first)}, the others {_on_average(others)}. Its loss is "
            f"{abs(excess.after):.1f} points {side} three times what they lost (95% interval {excess.low:+.1f} to "
            f"{excess.high:+.1f})."
        )
        tail = (
            f"These items cannot tell whether that is a loss of {LEAST_LOSS:g} points and more than three times theirs."
            if unsure
            else f"No capability lost {LEAST_LOSS:g} points and more than three times what the others lost."
        )
        return self.judged(WHERE, _shift(first), None if unsure else False, f"{seen} {tail}")


def _shift(change: Loss) -> Shift:
    return Shift(change.before, change.after, change.low, change.high, change.items)


def _may_be_large(change: Loss) -> bool:
    return -change.low >= LEAST_LOSS and (change.high < 0 or -change.delta >= LEAST_LOSS)


def _mean_loss(changes: Sequence[Loss]) -> float:
    return 0.0 - math.fsum(change.delta for change in changes) / len(changes)


def _lost(change: Loss) -> str:
    return f"{'gained' if change.delta > 0 else 'lost'} {abs(change.delta):.1f} points"


def _on_average(changes: Sequence[Loss]) -> str:
    mean = _mean_loss(changes)
    return f"{'lost' if mean >= 0 else 'gained'} {abs(mean):.1f} on average"


def _excess(change: Loss, others: Sequence[Loss], wider: float = 1.0) -> Shift:
    """The loss beyond three times the others' mean, with its ends; half-widths are multiplied by ``wider``."""
    above, below = wider * (change.delta - change.low), wider * (change.high - change.delta)
    mean = _mean_loss(others)
    mean_above = wider * math.hypot(*(one.delta - one.low for one in others)) / len(others)
    mean_below = wider * math.hypot(*(one.high - one.delta for one in others)) / len(others)
    taken = max(mean, 0.0)
    up, down = max(mean + mean_above, 0.0) - taken, taken - max(mean - mean_below, 0.0)
    excess = 0.0 - change.delta - MULTIPLE * taken
    low, high = excess - math.hypot(below, MULTIPLE * up), excess + math.hypot(above, MULTIPLE * down)
    return Shift(0.0, excess, low, high, change.items)
