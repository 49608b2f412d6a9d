"""*Passing*: the rule for choices made on dev items (a checkpoint, a strength, a learning rate)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from scipy import stats

from retain.comparison.gate import margin_of
from retain.records import Candidate, Change, Comparison, Gate


def passing(comparison: Comparison, gate: Gate) -> tuple[bool, str]:
    """Whether a candidate passes on dev items, and why.

    It passes when the pooled loss *estimate* is at most the gate's mean margin and no capability's loss
    exceeds its margin by more than :func:`allowed_errors` standard errors, sqrt(variance / effective items).
    Estimates, because a bound on 100 dev items cannot pass even at zero loss; claims are made by ``gate.judge`` on test
    items. Probes near chance do not count. Where nothing was measured nothing speaks against a candidate, and the
    reason says so.

    Args:
        comparison: base against candidate, dev items only.
        gate: the run's margins; bits per byte use ``bits_margin``.
    """
    judged = [change for change in comparison.losses if not change.near_chance]
    if not judged:
        return True, "passes: no capability was measured that the base can do"
    failures = []
    errors = allowed_errors(len(judged))
    if comparison.pooled is not None and -comparison.pooled.delta > gate.mean_margin:
        failures.append(f"the mean loss is {-comparison.pooled.delta:.1f} points (mean margin {gate.mean_margin:g})")
    for change in judged:
        margin, error = margin_of(change, gate), standard_error(change)
        if not -change.delta <= margin + errors * error:
            unit = "points" if change.unit == "points" else "%"
            failures.append(
                f"{change.capability} ({change.probe}) lost {-change.delta:.1f} {unit} "
                f"(margin {margin:g}, allowed over it {errors * error:.1f})"
            )
    if failures:
        return False, "does not pass: " + "; ".join(failures)
    worst = max(judged, key=lambda change: -change.delta)
    mean = "" if comparison.pooled is None else f"mean loss {-comparison.pooled.delta + 0.0:.1f} points, "
    return True, f"passes: {mean}greatest loss {-worst.delta + 0.0:.1f} ({worst.capability}, {worst.probe})"


def allowed_errors(capabilities: int) -> float:
    """Standard errors that a loss may lie above its margin: one for a single capability, more for the worst of several.

    Šidák's: where each of k independent losses lies at its margin, all k together stay within with the probability with
    which a single one stays within one standard error, 84%. With one standard error each, thirteen capabilities that
    lost nothing at all would pass six times in ten (docs/decisions/passing-on-dev-items.md).
    """
    return float(stats.norm.ppf(stats.norm.cdf(1.0) ** (1 / capabilities)))


def standard_error(change: Change) -> float:
    """Standard error of a change's delta: sqrt(variance / effective items), infinite without items."""
    return math.sqrt(change.variance / change.effective_items) if change.effective_items > 0 else math.inf


def gain_order(gain: float | None) -> float:
    """A gain to be put in order: one that is not known is below all others."""
    return -math.inf if gain is None else gain


def loss_order(loss: float | None) -> float:
    """A loss to be put in order: one that is not known is above all others."""
    return math.inf if loss is None else loss


def least_loss(candidates: Sequence[Candidate]) -> tuple[Candidate, str]:
    """Of candidates of which none passes: the one that loses least, and what was taken.

    The mean loss decides, or the loss of the worst capability where none is pooled; of equals the greater gain, then
    the smaller setting. Where no loss is known the smallest setting is taken: it changes the base least.
    """
    if all(one.loss is None for one in candidates):
        return min(candidates, key=lambda one: one.value), "no loss is known, and the smallest was taken"
    taken = min(candidates, key=lambda one: (loss_order(one.loss), -gain_order(one.gain), one.value))
    if taken.mean_loss is None:
        return taken, "the one whose worst capability lost least was taken"
    return taken, "the one with the smallest mean loss was taken"
