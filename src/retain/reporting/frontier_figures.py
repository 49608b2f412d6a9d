"""The figures of a frontier, drawn from its record."""

from __future__ import annotations

import math
from collections.abc import Sequence

from retain.frontier_records import ArmResult, FrontierRecord, Recommendation, gain_unit, groups, row_label
from retain.records import Candidate
from retain.reporting.arm_means import half_over_seeds, mean_change
from retain.reporting.factor_chart import Level, factor_plot
from retain.reporting.frontier_chart import Curve, Place, frontier_plot
from retain.reporting.numbers import in_unit, interval, number_of, plain, signed
from retain.reporting.tables import TONES
from retain.reporting.text import one_line

NORMAL = 1.96
"""Standard errors in half of a 95% interval."""


def frontier_figure(record: FrontierRecord, width: int = 760) -> str:
    """Retention against gain on dev items: one curve for each arm over its strengths, as SVG; empty without points.

    Arms are means over their seeds; an arm of which a seed failed is left out.
    """
    drawn = [_curve(seeds, record.recommended) for seeds in groups(record.arms)]
    unit = gain_unit(record.arms)
    return frontier_plot(drawn, f"Retention against gain, {one_line(record.title)}", _margin(record), width, unit)


def factor_figure(record: FrontierRecord, width: int = 760) -> str:
    """Change of the capabilities and gain on test items over the levels of one factor, as SVG; empty without levels.

    Where several shares of the rows were tried, the levels are those with the most rows.
    """
    name, levels = factor_levels(record)
    title = f"Retention against {name}, {one_line(record.title)}"
    return factor_plot(levels, title, name, _margin(record), width) if len(levels) > 1 else ""


def factor_levels(record: FrontierRecord) -> tuple[str, list[Level]]:
    """The one thing in which arms of the frontier differ, and what came of each level of it, over the seeds."""
    factor = next((arm.factor for arm in record.arms if arm.factor), "")
    found = [seeds for seeds in groups(record.arms) if factor and seeds[0].factor == factor]
    most = max((seeds[0].share for seeds in found), default=1.0)
    return one_line(factor), [_level(seeds) for seeds in found if seeds[0].share == most]


def _margin(record: FrontierRecord) -> float:
    return float(record.recipe["gate"]["mean_margin"])


def _curve(seeds: Sequence[ArmResult], taken: Recommendation | None) -> Curve:
    """An arm's points; where seeds chose different strengths, the point to take is one more, at their mean."""
    mine = taken is not None and taken.key == seeds[0].key
    alike = len({arm.strength for arm in seeds}) == 1
    name, one = one_line(row_label(*seeds[0].key)), seeds[0]
    by_strength = [list(found) for found in zip(*(arm.curve for arm in seeds), strict=False)]
    places = [_place(name, found, "", mine and alike and found[0].value == one.strength) for found in by_strength]
    if mine and not alike:
        places.append(_place(name, [arm.taken for arm in seeds], " (each seed at its own)", True))
    return Curve(name, sorted(places, key=lambda place: place.strength), one.plain)


def _place(name: str, found: Sequence[Candidate], how: str, chosen: bool) -> Place:
    strength = sum(one.value for one in found) / len(found)
    gain, gain_half = _mean([one.gain for one in found], [one.gain_error for one in found])
    loss, loss_half = _mean([one.mean_loss for one in found], [one.loss_error for one in found])
    worst = max(found, key=lambda one: -math.inf if one.worst_loss is None else one.worst_loss)
    lost = in_unit(worst.worst_loss, worst.worst_unit)
    passing = all(one.passing for one in found)
    lines = [
        f"{name} at strength {strength:g}{how}" + (": take this" if chosen else ""),
        f"gain {signed(gain)} ({interval(gain - gain_half, gain + gain_half)})",
        f"mean loss {plain(loss)} ({interval(loss - loss_half, loss + loss_half)})",
        f"worst capability: {one_line(worst.worst)}, loss {lost}" if worst.worst else "",
        "within the margins" if passing else "outside the margins",
        f"mean of {number_of(len(found), 'seed')}" if len(found) > 1 else "",
    ]
    note = "\n".join(line for line in lines if line)
    return Place(gain, -loss, gain_half, loss_half, passing, chosen, strength, note)


def _mean(values: Sequence[float | None], errors: Sequence[float | None]) -> tuple[float, float]:
    """The mean over seeds and half of its 95% interval; not a number where a seed's is missing."""
    found = [value for value in values if value is not None]
    if len(found) < len(values):
        return math.nan, math.nan
    return sum(found) / len(found), half_over_seeds(found, [NORMAL * (error or 0.0) for error in errors])


def _level(seeds: Sequence[ArmResult]) -> Level:
    outcomes = {arm.outcome for arm in seeds}
    first = seeds[0]
    return Level(
        value=first.level if isinstance(first.level, float) else None,
        name=f"{first.level:g}" if isinstance(first.level, float) else one_line(str(first.level)),
        change=mean_change([arm.mean for arm in seeds]),
        gain=mean_change([arm.gain for arm in seeds]),
        unit=first.gain.unit if first.gain is not None else "points",
        tone=TONES[str(first.outcome)] if len(outcomes) == 1 and first.outcome else "open",
    )
