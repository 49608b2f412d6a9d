"""Which rung to stop at: rules on what was measured, without a model."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from retain.advice_records import WORDS, Advised, Difference, Rung, Standing, Within
from retain.comparison.compare import compare
from retain.comparison.power import items_to_decide
from retain.errors import UserError
from retain.records import Change

HARDLY = 5.0
"""Points: a rung whose 95% interval begins no higher is not shown to work. Of 100 items that is 9 right ones."""
FEW = 30
"""Fewer test items leave a rung that answers a tenth of the questions rightly unseen."""


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
    """Each rung but the last against those above it.

    The best of them is chosen by dev items (of equals the lower rung); the estimate is the loss against it on test
    items. Proof is against every rung above: dev items are few, and one that they take for the best by mistake would
    prove too much.
    """
    found = []
    for place, rung in enumerate(rungs[:-1]):
        above = rungs[place + 1 :]
        changes = {one.name: difference(rung, one) for one in above}
        best = max(above, key=lambda one: one.dev)
        change = changes[best.name]
        most = max(-one.loss_low for one in changes.values())
        within: Within = "proven" if most <= margin else "estimated" if change.delta <= margin else "no"
        needed = items_to_decide(_as_loss(change), margin) if within == "estimated" and margin > 0 else None
        found.append(
            Standing(rung=rung.name, best=best.name, change=change, most=most, within=within, items_needed=needed)
        )
    return found


def _as_loss(change: Change) -> Change:
    """The same change seen from above: what the lower rung loses."""
    return change.model_copy(update={"delta": -change.delta})


def advise(rungs: Sequence[Rung], found: Sequence[Standing], margin: float) -> Advised:
    """The first rung whose loss is within the margin; the last where none is; none where not one is shown to work."""
    if all(rung.low <= HARDLY for rung in rungs):
        return _nothing(rungs)
    values = {rung.name: rung for rung in rungs}
    for one in found:
        if one.within == "no":
            continue
        low, high = values[one.rung], values[one.best]
        return Advised(
            rung=one.rung,
            basis="proven" if one.within == "proven" else "estimated",
            reason=f"{WORDS[one.rung]} scores {low.value:.1f}; the best on dev items of the rungs above it, "
            f"{WORDS[one.best]}, scores {high.value:.1f} ({_in_points(one.change)}), {_how(one, margin)}"
            f"{_unclear(rungs[0], low)}",
        )
    last, below = rungs[-1], max(rungs[:-1], key=lambda one: one.dev)
    return Advised(
        rung=last.name,
        basis="last",
        reason=f"every rung below scores more than {margin:g} points less than a rung above it; {WORDS[last.name]} "
        f"scores {last.value:.1f}, and {WORDS[below.name]}, the best on dev items of the rungs below it, "
        f"{below.value:.1f} ({_in_points(difference(below, last))})",
    )


def _unclear(first: Rung, taken: Rung) -> str:
    """What to know of a rung that is not shown to score more than the question as it is."""
    if taken.name == first.name:
        return ""
    change = difference(first, taken)
    if change.low > 0:
        return ""
    return (
        f". Whether it scores more than {WORDS[first.name]} is open ({_in_points(change)}): {change.items} items are "
        "too few to tell, hold out more rows before acting on it"
    )


def _nothing(rungs: Sequence[Rung]) -> Advised:
    best = max(rungs, key=lambda one: one.value)
    items = f"{best.items} item{'s' * (best.items > 1)}"
    few = " So few items can hardly show more: hold out more rows." if best.items < FEW else ""
    return Advised(
        rung="",
        basis="nothing",
        reason=f"the highest score, of {WORDS[best.name]}, is {best.value:.1f} (95% interval {best.low:.1f} to "
        f"{best.high:.1f} on {items}), which is not clear of {HARDLY:g}.{few} Read some answers first: the rule that "
        "scores them (measure.task.score) may be too strict. Else try a larger base, documents that hold the answers "
        "(advise.documents), or more training (advise.training)",
    )


def _in_points(change: Change) -> str:
    return f"{change.delta:+.1f}, 95% interval {change.low:+.1f} to {change.high:+.1f}"


def _how(one: Standing, margin: float) -> str:
    """Why a rung is enough."""
    if one.within == "estimated":
        return f"within the margin of {margin:g} by the estimate; these {one.change.items} items do not prove it"
    if one.most > 0:
        return f"no rung above it more than {one.most:.1f} points more (95%), within the margin of {margin:g}"
    return "no rung above it more (95%)"
