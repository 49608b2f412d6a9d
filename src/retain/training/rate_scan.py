"""Which learning rates to try, and which to take: rules on measured points, without a model."""

from __future__ import annotations

from collections.abc import Sequence

from retain.comparison.dev import gain_order, least_loss
from retain.records import Candidate, Choice

POINTS = 4
"""Rates of the first grid."""
MOST_ADDED = 3
"""Rates that are added beyond each end of the grid at most."""
SMALL = 1_000_000_000
"""Weights below which a model wants higher rates."""
GRIDS: dict[tuple[bool, bool], tuple[float, float]] = {
    (True, False): (5e-5, 5e-4),
    (False, False): (1e-6, 1e-5),
    (True, True): (2e-4, 5e-3),
    (False, True): (2e-5, 5e-4),
}
"""(an adapter is trained, fewer than a billion weights) -> the customary ends of the grid."""
PAIR_GRIDS: dict[tuple[bool, bool], tuple[float, float]] = {
    (True, False): (5e-6, 5e-5),
    (False, False): (5e-7, 5e-6),
    (True, True): (2e-5, 5e-4),
    (False, True): (2e-6, 5e-5),
}
"""The same for preference pairs (``method: dpo``), whose loss sums over tokens."""


def grid_ends(method: str, adapter: bool, small: bool) -> tuple[float, float]:
    """The least and the greatest customary rate.

    Args:
        method: ``training.method``.
        adapter: whether an adapter is trained, and not all weights.
        small: fewer than a billion weights.
    """
    return (PAIR_GRIDS if method == "dpo" else GRIDS)[adapter, small]


def default_rates(adapter: bool, parameters: int, method: str = "sft") -> list[float]:
    """Four rates at equal ratios, from the least to the greatest that are customary.

    Args:
        adapter: whether an adapter is trained, and not all weights.
        parameters: weights of the base.
        method: ``training.method``.
    """
    low, high = grid_ends(method, adapter, parameters < SMALL)
    return [_rounded(low * (high / low) ** (place / (POINTS - 1))) for place in range(POINTS)]


def next_rate(points: Sequence[Candidate], grid: Sequence[float], min_gain: float) -> float | None:
    """The rate to try beyond the grid; None where the choice stands.

    The grid grows upwards while its greatest rate is the one taken and gained most (or nothing was learned yet), and
    downwards while its least rate is the one taken or no rate passes: the cliff then lies within or below it. Where no
    gain was measured it does not grow upwards: nothing shows that more is learned there.

    Args:
        points: what was measured so far, in any order.
        grid: the rates that were asked for.
        min_gain: the gate's.
    """
    taken, _ = choose_rate(points, min_gain)
    ordered = sorted(points, key=lambda one: one.value)
    below = sum(one.value < min(grid) for one in points)
    above = sum(one.value > max(grid) for one in points)
    if taken is ordered[0] or not any(one.passing for one in points):
        return _rounded(ordered[0].value / _ratio(grid)) if below < MOST_ADDED else None
    if taken.gain is None or taken is not ordered[-1]:
        return None
    if taken.gain <= min_gain or all(gain_order(one.gain) < taken.gain for one in ordered[:-1]):
        return _rounded(ordered[-1].value * _ratio(grid)) if above < MOST_ADDED else None
    return None


def choose_rate(points: Sequence[Candidate], min_gain: float) -> tuple[Candidate, str]:
    """The rate to train with, and why.

    From small to large, the *cliff* lies before the first rate that does not pass after one that did. Among the rates
    below it that pass, those that reach the gain are within one standard error of the greatest gain; taken is the
    largest of them, or of all where no gain was measured. Where none passes, the one that loses least among those that
    gained at all is taken.
    """
    ordered = sorted(points, key=lambda one: one.value)
    first = next((place for place, one in enumerate(ordered) if one.passing), None)
    if first is None:
        taken, why = least_loss([one for one in ordered if gain_order(one.gain) > min_gain] or ordered)
        return taken, f"no rate passed the margins on dev items; {why}"
    cliff = next((place for place in range(first, len(ordered)) if not ordered[place].passing), None)
    below = ordered[first:cliff]
    best = max(below, key=lambda one: gain_order(one.gain))
    where = f"below the cliff at {ordered[cliff].label}" if cliff is not None else "no cliff was found"
    if best.gain is None:
        return below[-1], f"the largest rate that passes, {where}; no gain was measured"
    reaching = [one for one in below if gain_order(one.gain) >= best.gain - (best.gain_error or 0.0)]
    taken = max(reaching, key=lambda one: one.value)
    learned = "" if best.gain > min_gain else "; no rate learned more than the gate asks for in these short runs"
    return taken, f"the largest rate that reaches the gain, {where}{learned}"


def rate_choice(points: Sequence[Candidate], min_gain: float) -> Choice:
    """The choice as a report shows it, candidates from small to large."""
    taken, reason = choose_rate(points, min_gain)
    ordered = sorted(points, key=lambda one: one.value)
    return Choice(what="learning_rate", chosen=taken.value, candidates=ordered, reason=reason)


def broken_point(rate: float, why: str) -> Candidate:
    """A rate at which training broke: far beyond the cliff."""
    return Candidate(
        label=rate_label(rate), value=rate, gain=None, mean_loss=None, worst="", worst_loss=None, passing=False,
        why=f"does not pass: {why.splitlines()[0]}",
    )  # fmt: skip


def rate_label(rate: float) -> str:
    """``0.0002`` -> ``2e-4``."""
    mantissa, _, exponent = f"{rate:.2e}".partition("e")
    return f"{float(mantissa):g}e{int(exponent)}"


def _ratio(grid: Sequence[float]) -> float:
    """The ratio of neighbouring rates, on average."""
    return float((max(grid) / min(grid)) ** (1 / (len(set(grid)) - 1)))


def _rounded(rate: float) -> float:
    return float(f"{rate:.2g}")
