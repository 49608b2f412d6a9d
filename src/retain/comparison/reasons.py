"""A verdict's reasons as sentences: probes, numbers, intervals and margins."""

from __future__ import annotations

from collections.abc import Sequence

from retain.comparison.noise import exceeds, floor_for, pooled_floor
from retain.comparison.power import items_to_decide
from retain.records import Change, Comparison, Gate, ProbeVerdict


def forgotten(losses: Sequence[Change], probes: Sequence[ProbeVerdict]) -> list[str]:
    """One sentence for each capability that was forgotten."""
    return [
        f"{name(change)} {moved(change)} ({interval(change)}; margin {probe.margin:g})."
        for change, probe in zip(losses, probes, strict=True)
        if probe.outcome == "forgot"
    ]


def gained(change: Change, gain: str, gate: Gate, needed: int | None) -> str:
    """What the task gained and whether that is enough."""
    span = f"95% interval {change.low:.1f} to {change.high:.1f}; more than {gate.min_gain:g} wanted"
    text = f"{name(change)} changed by {change.delta:+.1f} {_unit(change)} ({span})"
    endings = {
        "learned": "the task was learned.",
        "not learned": "the task was not learned.",
        "inconclusive": f"too few items to say whether the task was learned.{would_decide(needed)}",
    }
    return f"{text}: {endings[gain]}"


def pooled(comparison: Comparison, gate: Gate) -> list[str]:
    """The mean loss against its margin, or why there is none."""
    change = comparison.pooled
    if change is None:
        return [_nothing_pooled(comparison)]
    bounds = f"one-sided 95% bounds: {between(change, change.loss_low, change.loss_high, 'and')}"
    text = f"On average ({change.metric}) the model {moved(change)} ({bounds}; mean margin {gate.mean_margin:g})"
    if change.loss_high < gate.mean_margin:
        return [f"{text}: retained."]
    if change.loss_low > gate.mean_margin:
        floor = pooled_floor(comparison.losses, comparison.noise)
        if floor is not None and not exceeds(change, floor):
            return [f"{text}: more than the mean margin, and not clear of the noise floor ({floor.moved:.1f} points)."]
        return [f"{text}: more than the mean margin."]
    needed = would_decide(items_to_decide(change, gate.mean_margin), " over all probes")
    return [f"{text}: not proven.{needed}"]


def _nothing_pooled(comparison: Comparison) -> str:
    if not comparison.losses:
        return "No capability was measured, so that nothing is known about forgetting."
    if any(change.unit == "points" for change in comparison.losses):
        return "No pooled loss: the base is near chance on every probe that is scored in points."
    return "No pooled loss: no probe is scored in points, so that each capability must be proven alone."


def unproven(losses: Sequence[Change], probes: Sequence[ProbeVerdict]) -> list[str]:
    """Capabilities that are not proven one by one, and those that the base does not have."""
    found = []
    for change, probe in zip(losses, probes, strict=True):
        if probe.outcome == "inconclusive":
            found.append(
                f"Not proven alone: {name(change)} {moved(change)} "
                f"({interval(change)}; margin {probe.margin:g}) on {change.items:,} items."
                + would_decide(probe.items_needed)
            )
        elif probe.outcome == "near chance":
            found.append(f"Not judged: {name(change)}, which the base cannot do ({change.before:.1f} points).")
    return found


def within_noise(comparison: Comparison, probes: Sequence[ProbeVerdict]) -> list[str]:
    """Losses beyond their margin that the noise floor may explain."""
    found = []
    for change, probe in zip(comparison.losses, probes, strict=True):
        floor = floor_for(change, comparison.noise)
        if floor is None or probe.outcome != "inconclusive" or exceeds(change, floor) or -change.delta <= probe.margin:
            continue
        found.append(
            f"Not clear of the noise floor: {name(change)} {moved(change)}, and the same weights moved by "
            f"{floor.moved:.1f}, at most {floor.most:.1f} ({floor.null_change})."
        )
    return found


def name(change: Change) -> str:
    """The capability, and the probe in parentheses where it is called differently."""
    return change.probe if change.probe == change.capability else f"{change.capability} ({change.probe})"


def moved(change: Change) -> str:
    """``lost 3.1 points`` or ``gained 0.4 %``."""
    loss = -change.delta + 0.0
    return f"lost {loss:.1f} {_unit(change)}" if loss >= 0 else f"gained {-loss:.1f} {_unit(change)}"


def interval(change: Change) -> str:
    """The two-sided interval of what was lost or gained."""
    return f"95% interval {between(change, -change.high, -change.low, 'to')}"


def between(change: Change, low: float, high: float, word: str) -> str:
    """Two losses as :func:`moved` words the change: ``1.2 to 4.9``, or ``a gain of 0.4 to a loss of 4.9``.

    Args:
        change: whose bounds they are.
        low: the smaller loss; negative for a gain.
        high: the greater one.
        word: between them.
    """
    low, high = low + 0.0, high + 0.0  # no minus before zero
    if low >= 0 and change.delta <= 0:
        return f"{low:.1f} {word} {high:.1f}"
    if high <= 0 < change.delta:
        return f"{-high:.1f} {word} {-low:.1f}"
    return f"{_loss(low)} {word} {_loss(high)}"


def _loss(loss: float) -> str:
    return f"a loss of {loss:.1f}" if loss >= 0 else f"a gain of {-loss:.1f}"


def would_decide(items: int | None, where: str = "") -> str:
    """A closing sentence with the items that would decide it; empty where that is not known."""
    return "" if items is None else f" About {items:,} items{where} would decide it."


def _unit(change: Change) -> str:
    return "points" if change.unit == "points" else "%"
