"""*Passing*: the rule for choices made on dev items (a checkpoint, a strength, a learning rate)."""

from __future__ import annotations

import math

from retain.comparison.gate import margin_of
from retain.records import Change, Comparison, Gate


def passing(comparison: Comparison, gate: Gate) -> tuple[bool, str]:
    """Whether a candidate passes on dev items, and why.

    It passes when the pooled loss *estimate* is at most the gate's mean margin and no capability's loss
    exceeds its margin by more than one standard error, sqrt(variance / effective items). Estimates, because a
    bound on 100 dev items cannot pass even at zero loss; claims are made by ``gate.judge`` on test items.
    Probes near chance do not count. Where nothing was measured nothing speaks against a candidate, and the
    reason says so.

    Args:
        comparison: base against candidate, dev items only.
        gate: the run's margins; bits per byte use ``bits_margin``.
    """
    judged = [change for change in comparison.losses if not change.near_chance]
    if not judged:
        return True, "passes: no capability was measured that the base can do"
    failures = []
    if comparison.pooled is not None and -comparison.pooled.delta > gate.mean_margin:
        failures.append(f"the mean loss is {-comparison.pooled.delta:.1f} points (mean margin {gate.mean_margin:g})")
    for change in judged:
        margin, error = margin_of(change, gate), standard_error(change)
        if not -change.delta <= margin + error:
            unit = "points" if change.unit == "points" else "%"
            failures.append(
                f"{change.capability} ({change.probe}) lost {-change.delta:.1f} {unit} "
                f"(margin {margin:g}, standard error {error:.1f})"
            )
    if failures:
        return False, "does not pass: " + "; ".join(failures)
    worst = max(judged, key=lambda change: -change.delta)
    mean = "" if comparison.pooled is None else f"mean loss {-comparison.pooled.delta + 0.0:.1f} points, "
    return True, f"passes: {mean}greatest loss {-worst.delta + 0.0:.1f} ({worst.capability}, {worst.probe})"


def standard_error(change: Change) -> float:
    """Standard error of a change's delta: sqrt(variance / effective items), infinite without items."""
    return math.sqrt(change.variance / change.effective_items) if change.effective_items > 0 else math.inf
