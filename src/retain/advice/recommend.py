"""Which rung to stop at: rules on what was measured, without a model."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from retain.advice_records import WORDS, Advised, Difference, Rung, Standing, Within
from retain.comparison.compare import compare
from retain.comparison.power import items_to_decide
from retain.errors import UserError
from retain.records import Change


def difference(below: Rung, above: Rung) -> Change:
    """The change from one rung to another, paired by test item.

    Raises:
        UserError: no item was scored on both.
    """
    found = compare([below.measurement], [above.measurement], [below.measurement.probe])
    if not found.gains:
        raise UserError(f"{below.name} and {above.name} have no test item that both could score")
    return found.gains[0]


def differences(rungs: Sequence[Rung]) -> list[Difference]:
    """Each rung against the one below it."""
    return [Difference(below=one.name, above=two.name, change=difference(one, two)) for one, two in pairwise(rungs)]


def standings(rungs: Sequence[Rung], margin: float) -> list[Standing]:
    """Each rung but the last against the best of those above it.

    The best is chosen by dev items (of equals the lower rung), the loss against it is judged on test items.
    """
    found = []
    for place, rung in enumerate(rungs[:-1]):
        best = max(rungs[place + 1 :], key=lambda one: one.dev)
        change = difference(rung, best)
        within = _within(change, margin)
        needed = items_to_decide(_as_loss(change), margin) if within == "estimated" and margin > 0 else None
        found.append(Standing(rung=rung.name, best=best.name, change=change, within=within, items_needed=needed))
    return found


def _within(change: Change, margin: float) -> Within:
    """Whether the lower rung's loss, which is the gain of ``change``, is within the margin."""
    if -change.loss_low <= margin:
        return "proven"
    return "estimated" if change.delta <= margin else "no"


def _as_loss(change: Change) -> Change:
    """The same change seen from above: what the lower rung loses."""
    return change.model_copy(update={"delta": -change.delta})


def advise(rungs: Sequence[Rung], found: Sequence[Standing], margin: float) -> Advised:
    """The first rung whose loss against the best of the rungs above it is within the margin; the last where none is."""
    values = {rung.name: rung for rung in rungs}
    for one in found:
        if one.within == "no":
            continue
        low, high = values[one.rung], values[one.best]
        return Advised(
            rung=one.rung,
            basis="proven" if one.within == "proven" else "estimated",
            reason=f"{WORDS[one.rung]} scores {low.value:.1f}; the best of the rungs above it, {WORDS[one.best]}, "
            f"scores {high.value:.1f} ({_in_points(one.change)}), {_how(one, margin)}",
        )
    last, below = rungs[-1], max(rungs[:-1], key=lambda one: one.dev)
    return Advised(
        rung=last.name,
        basis="last",
        reason=f"every rung below scores more than {margin:g} points less than a rung above it; {WORDS[last.name]} "
        f"scores {last.value:.1f}, and {WORDS[below.name]}, the best of the rungs below it, {below.value:.1f} "
        f"({_in_points(difference(below, last))})",
    )


def _in_points(change: Change) -> str:
    return f"{change.delta:+.1f}, 95% interval {change.low:+.1f} to {change.high:+.1f}"


def _how(one: Standing, margin: float) -> str:
    """Why a rung is enough."""
    most = -one.change.loss_low
    if one.within == "estimated":
        return f"within the margin of {margin:g} by the estimate; these {one.change.items} items do not prove it"
    return f"at most {most:.1f} more (95%), within the margin of {margin:g}" if most > 0 else "which is less"
