"""All changes between two measured models, paired item by item."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from retain.comparison.chance import AdjustedFlips, Flips, adjusted_flips, near_chance
from retain.comparison.clusters import design_effect
from retain.comparison.comparable import UNLIMITED, matched
from retain.comparison.intervals import Bounds
from retain.comparison.noise import floor_of, grouped, same_weights
from retain.comparison.paired import Evidence, Paired, pair, weigh
from retain.comparison.pooled import pool
from retain.comparison.rewards import rewards_of
from retain.records import Change, Comparison, Measurement, NoiseFloor


def compare(
    before: Sequence[Measurement],
    after: Sequence[Measurement],
    task_probes: Iterable[str] = (),
    base_name: str = "base",
    tuned_name: str = "tuned",
    noise: Sequence[NoiseFloor] = (),
) -> Comparison:
    """Pair two models' measurements by probe and by item, and say what was gained and what was lost.

    Every delta is positive for better, whatever the metric's direction; in points of 100 for shares and in
    percent of the base's mean otherwise. ``before`` and ``after`` of a change are means over the paired
    items, in points for shares and in the metric's own unit otherwise. Every item has the same weight. The
    pooled loss is the mean over the losses' probes in points, each with the same weight, without those near
    chance (docs/decisions/pooled-loss.md); it is None where there are none.

    Where both sides have the same weights, the comparison itself measures the noise floor and holds it.

    Args:
        before: the base's measurements.
        after: the tuned model's; one per probe, all of one split.
        task_probes: names of the probes that measure the task; the others measure capabilities.
            One named "task" comes first among the gains and decides.
        base_name: the base's name for people.
        tuned_name: the tuned model's.
        noise: the base's noise floor as ``noise_floor`` finds it; a loss below it is not called forgetting.

    Raises:
        UserError: a probe was measured twice or on two splits, its metric or a setting that changes the score
            differs, its items do not overlap, a score is NaN, or no probe is in both. All problems at once.
    """
    names = set(task_probes)
    notes: list[str] = []
    gains: list[Change] = []
    losses: list[Change] = []
    also: list[Change] = []
    evidence: dict[str, Evidence] = {}
    own_noise: list[NoiseFloor] = []
    pairs = matched(before, after, notes)
    same = all(same_weights(old, new) for old, new, _ in pairs)
    moved = any(bool(paired.loss.any()) for _, _, paired in pairs)
    known = [floor for floor in noise if _belongs(floor, before, notes)]
    for old, new, paired in pairs:
        is_task = old.probe in names
        found = weigh(paired)
        flagged = not is_task and _cannot_lose(old, paired)
        (gains if is_task else losses).append(_change(old, new, paired, found, flagged))
        evidence[old.probe] = found
        also += _other_measures(old, new)
        if same and moved:
            own_noise.append(floor_of(old, paired, "measured again"))
    gains.sort(key=lambda change: change.probe != "task")
    notes += [f'The task probe "{name}" was not measured.' for name in sorted(names - {c.probe for c in gains})]
    return Comparison(
        base=base_name,
        tuned=tuned_name,
        gains=gains,
        losses=losses,
        pooled=_pooled(losses, evidence),
        also=also,
        rewards=[one for old, new, _ in pairs if (one := rewards_of(old, new)) is not None],
        noise=grouped(own_noise, [paired.ids for _, _, paired in pairs]) if own_noise else known,
        same_weights=same,
        notes=notes
        + _chance_notes(losses)
        + ([] if same else _noise_notes(before, known))
        + [UNMOVED] * (same and not moved),
    )


UNMOVED = (
    "Both sides are the same weights, and every score is the same: the measurement was read or made again in the "
    "same way. That is no noise floor; retain noise measures one."
)


def _belongs(floor: NoiseFloor, before: Sequence[Measurement], notes: list[str]) -> bool:
    """Whether a noise floor is of a probe that is compared; if not, a note says why it is not used."""
    measured = next((one for one in before if one.probe == floor.probe), None)
    if measured is None:
        notes.append(f'The noise floor of "{floor.probe}" is not used: no such probe is compared.')
        return False
    own = measured.settings.get(UNLIMITED)
    if own is not None and floor.fingerprint not in (None, own):
        notes.append(f'The noise floor of "{floor.probe}" is not used: it is of other items or settings.')
        return False
    return True


def _cannot_lose(old: Measurement, paired: Paired) -> bool:
    if not paired.share:
        return False
    good = paired.before if paired.higher_is_better else 1 - paired.before
    items = good.size / design_effect(good - good.mean(), paired.index)
    chance = old.chance if old.chance is None or paired.higher_is_better else 1 - old.chance
    return near_chance(float(good.mean()), items, chance)


def _change(old: Measurement, new: Measurement, paired: Paired, found: Evidence, flagged: bool) -> Change:
    level = 100.0 if paired.share else 1.0
    beyond = _beyond_guessing(old, paired)
    two, one = _in_hundred(found.two_sided), _in_hundred(found.one_sided)
    return Change(
        probe=old.probe,
        capability=old.capability,
        metric=old.metric,
        unit="points" if paired.share else "percent",
        generates=old.generates or new.generates,
        before=level * float(paired.before.mean()),
        after=level * float(paired.after.mean()),
        delta=_negated(100 * found.estimate),
        low=_negated(two.high),
        high=_negated(two.low),
        loss_low=one.low,
        loss_high=one.high,
        items=int(paired.before.size),
        effective_items=found.items,
        won=int(np.count_nonzero(paired.loss < 0)),
        lost=int(np.count_nonzero(paired.loss > 0)),
        binary=paired.binary,
        variance=100**2 * found.variance,
        p_loss=found.p_loss,
        near_chance=flagged,
        unpaired=paired.unpaired,
        lost_beyond_guessing=beyond and beyond.lost,
        won_beyond_guessing=beyond and beyond.won,
    )


def _other_measures(old: Measurement, new: Measurement) -> list[Change]:
    """The changes of what else both measured on the same items."""
    found = []
    for name in [name for name in old.also if name in new.also]:
        before, after = (
            one.model_copy(update={"metric": name, "scores": one.also[name], "higher_is_better": True, "unit": "share"})
            for one in (old, new)
        )
        paired = pair(before, after)
        if paired.before.size:
            found.append(_change(before, after, paired, weigh(paired), False))
    return found


def _beyond_guessing(old: Measurement, paired: Paired) -> AdjustedFlips | None:
    """Flips without those of a guesser; None where scores are not right or wrong or guessing earns nothing."""
    chance = old.chance if old.chance is None or paired.higher_is_better else 1 - old.chance
    if not paired.binary or chance is None or not 0 < chance < 1:
        return None
    good = 1.0 if paired.higher_is_better else 0.0
    right, after = paired.before == good, paired.after == good
    cells = (right & after, right & ~after, ~right & after, ~right & ~after)
    return adjusted_flips(Flips(*(float(np.count_nonzero(cell)) for cell in cells)), chance)


def _in_hundred(bounds: Bounds) -> Bounds:
    return Bounds(100 * bounds.low, 100 * bounds.high)


def _negated(value: float) -> float:
    """-value, without the negative zero."""
    return 0.0 - value


def _pooled(losses: Sequence[Change], evidence: dict[str, Evidence]) -> Change | None:
    used = [change for change in losses if change.unit == "points" and not change.near_chance]
    if not used:
        return None
    pooled = pool([evidence[change.probe] for change in used])
    two, one = _in_hundred(pooled.two_sided), _in_hundred(pooled.one_sided)
    effective = sum(change.effective_items for change in used)
    return Change(
        probe="pooled",
        capability="all capabilities",
        metric=f"mean of {len(used)} probes",
        unit="points",
        generates=any(change.generates for change in used),
        before=math.fsum(change.before for change in used) / len(used),
        after=math.fsum(change.after for change in used) / len(used),
        delta=_negated(100 * pooled.estimate),
        low=_negated(two.high),
        high=_negated(two.low),
        loss_low=one.low,
        loss_high=one.high,
        items=sum(change.items for change in used),
        effective_items=effective,
        won=sum(change.won for change in used),
        lost=sum(change.lost for change in used),
        binary=all(change.binary for change in used),
        variance=100**2 * pooled.variance * effective,
        p_loss=pooled.p_loss,
        unpaired=sum(change.unpaired for change in used),
    )


def _noise_notes(before: Sequence[Measurement], noise: Sequence[NoiseFloor]) -> list[str]:
    """Probes whose noise floor was measured on another model than this base."""
    models = {measurement.probe: measurement.model for measurement in before}
    other = [f'"{floor.probe}"' for floor in noise if models.get(floor.probe, floor.model) != floor.model]
    if not other:
        return []
    return [f"The noise floor of {', '.join(other)} was measured on another model than this base."]


def _chance_notes(losses: Sequence[Change]) -> list[str]:
    return [
        f'"{change.probe}" is near chance on this base ({change.before:.1f} points): the base cannot do '
        "this, so that no loss can show. It is left out of the pooled number."
        for change in losses
        if change.near_chance
    ]
