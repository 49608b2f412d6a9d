"""The verdict: was the task learned, and is every capability still there within the margins?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from retain.comparison import reasons
from retain.comparison.noise import exceeds, floor_for, pooled_floor
from retain.comparison.power import items_to_decide, smallest_detectable
from retain.records import Change, Comparison, Gate, NoiseFloor, Outcome, ProbeVerdict, Verdict

SIGNIFICANCE = 0.05

Gain = Literal["learned", "not learned", "inconclusive", "not measured"]
WEAKEST_FIRST: tuple[Gain, ...] = ("not learned", "inconclusive", "learned")
ProbeOutcome = Literal["retained", "forgot", "inconclusive", "near chance"]


def judge(comparison: Comparison, gate: Gate) -> Verdict:
    """Judge a comparison by non-inferiority: 'no significant drop' is not evidence of retention.

    Each capability (one-sided 95% bounds of its loss): *retained* when the upper bound is below the margin;
    *forgot* when the lower bound is above it, or when the loss is significantly above zero after Holm's
    correction over all capabilities **and** its estimate exceeds the margin; *near chance* when the base
    cannot do it; else *inconclusive* with the items that would decide it.

    The run, first match: *forgot* when any capability is, or the pooled loss's lower bound is above the mean
    margin; *not learned* when the gain's upper bound is at most ``min_gain``; *retained* when the pooled
    loss's upper bound is below the mean margin and the gain's lower bound is above ``min_gain``; else
    *inconclusive*. Capabilities that are not proven one by one do not block ``retained``: they are listed.
    The gain is that of the task probe named "task", else of the first; where each gain must be reached
    (``each_gain``) it is the weakest. A comparison without task probes is judged by its losses alone. Bits per byte
    are judged by ``bits_margin`` and stay out of the pooled loss. Where nothing but bits per byte was measured there
    is no pooled loss: then *retained* needs every capability to be.

    Where the comparison holds a noise floor, *forgot* also needs a loss that is significantly above the floor
    (``noise.exceeds``), for a capability and for the pooled loss; otherwise it is *inconclusive*. *Retained*
    does not depend on it.

    Relations: ``dev.passing`` is the rule for choices on dev items, where bounds would be too strict.
    """
    significant = holm([c.p_loss for c in comparison.losses if not c.near_chance])
    by_probe = dict(zip((c.probe for c in comparison.losses if not c.near_chance), significant, strict=True))
    probes = [
        _judge_probe(
            change, margin_of(change, gate), by_probe.get(change.probe, False), floor_for(change, comparison.noise)
        )
        for change in comparison.losses
    ]
    gains = deciding_gains(comparison)
    found = [judge_gain(one, gate.min_gain) for one in gains]
    gain: Gain = next((one for one in WEAKEST_FIRST if one in found), "not measured")
    pooled = comparison.pooled
    kept = kept_within(comparison, probes, gate)
    outcome = _outcome(probes, pooled, gain, gate, pooled_floor(comparison.losses, comparison.noise), kept)
    told = [
        *reasons.forgotten(comparison.losses, probes),
        *(
            reasons.gained(change, one, gate, _gain_items(change, gate))
            for change, one in zip(gains, found, strict=True)
        ),
        *reasons.pooled(comparison, gate),
        *reasons.unproven(comparison.losses, probes),
        *reasons.within_noise(comparison, probes),
    ]
    return Verdict(
        outcome=outcome,
        reasons=told,
        items_needed=_blocking_items(pooled, gains, gate, probes if _alone(comparison) else [])
        if outcome == "inconclusive"
        else None,
        gate=gate,
        probes=probes,
        gain=gain,
    )


def holm(p_values: Sequence[float], level: float = SIGNIFICANCE) -> list[bool]:
    """Which hypotheses Holm's procedure rejects: the smallest p against level/m, the next level/(m-1) ...

    Family-wise error at most ``level`` under any dependence.

    Source: Holm (1979), Scandinavian Journal of Statistics 6, 65-70.
    """
    rejected = [False] * len(p_values)
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        if not p_values[place] <= level / (len(p_values) - rank):
            break
        rejected[place] = True
    return rejected


def margin_of(change: Change, gate: Gate) -> float:
    """The margin of one capability: points of 100, or percent of the base's value for open-ended units."""
    return gate.margin if change.unit == "points" else gate.bits_margin


def main_gain(comparison: Comparison) -> Change | None:
    """What decides whether the task was learned: the probe named "task", else the first task probe."""
    named = [change for change in comparison.gains if change.probe == "task"]
    return next(iter(named or comparison.gains), None)


def deciding_gains(comparison: Comparison) -> list[Change]:
    """The gains that must all be reached: each, where the comparison says so, else the main one."""
    main = main_gain(comparison)
    return comparison.gains if comparison.each_gain or main is None else [main]


def judge_gain(change: Change, min_gain: float) -> Gain:
    """Whether one task was learned."""
    if -change.loss_high > min_gain:
        return "learned"
    return "not learned" if -change.loss_low <= min_gain else "inconclusive"


def kept_within(comparison: Comparison, probes: Sequence[ProbeVerdict], gate: Gate) -> bool:
    """Whether what the base could do is proven to be kept: by the pooled loss, or, without one, one by one.

    Args:
        comparison: what was measured.
        probes: the judgements on its losses.
        gate: the margins.
    """
    if comparison.pooled is not None:
        return comparison.pooled.loss_high < gate.mean_margin
    return _alone(comparison) and all(probe.outcome == "retained" for probe in probes)


def _alone(comparison: Comparison) -> bool:
    """Whether capabilities are proven one by one, since none is scored in points."""
    return bool(comparison.losses) and all(change.unit == "percent" for change in comparison.losses)


def _judge_probe(change: Change, margin: float, significant: bool, floor: NoiseFloor | None) -> ProbeVerdict:
    outcome = _probe_outcome(change, margin, significant, floor)
    return ProbeVerdict(
        probe=change.probe,
        capability=change.capability,
        outcome=outcome,
        margin=margin,
        items=change.items,
        items_needed=items_to_decide(change, margin) if outcome == "inconclusive" else None,
        detectable=smallest_detectable(change),
    )


def _probe_outcome(change: Change, margin: float, significant: bool, floor: NoiseFloor | None) -> ProbeOutcome:
    if change.near_chance:
        return "near chance"
    if change.loss_high < margin:
        return "retained"
    lost = change.loss_low > margin or (significant and -change.delta > margin)
    return "forgot" if lost and exceeds(change, floor) else "inconclusive"


def _outcome(
    probes: Sequence[ProbeVerdict], pooled: Change | None, gain: Gain, gate: Gate, floor: NoiseFloor | None, kept: bool
) -> Outcome:
    """The run's outcome; ``kept`` as :func:`kept_within` says it."""
    if any(probe.outcome == "forgot" for probe in probes):
        return "forgot"
    if pooled is not None and pooled.loss_low > gate.mean_margin and exceeds(pooled, floor):
        return "forgot"
    if gain == "not learned":
        return "not learned"
    return "retained" if kept and gain != "inconclusive" else "inconclusive"


def _blocking_items(
    pooled: Change | None, gains: Sequence[Change], gate: Gate, alone: Sequence[ProbeVerdict]
) -> int | None:
    """The most items that anything needs which stands between this comparison and ``retained``."""
    needed: list[int | None] = [probe.items_needed for probe in alone if probe.outcome == "inconclusive"]
    if pooled is not None and pooled.loss_high >= gate.mean_margin:
        needed.append(items_to_decide(pooled, gate.mean_margin))
    needed += [_gain_items(one, gate) for one in gains if judge_gain(one, gate.min_gain) == "inconclusive"]
    return max((count for count in needed if count is not None), default=None)


def _gain_items(change: Change, gate: Gate) -> int | None:
    """Items that tell the estimated gain apart from the wanted one."""
    return items_to_decide(change, -gate.min_gain, planned=-change.delta)
