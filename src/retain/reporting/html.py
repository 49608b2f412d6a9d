"""The report as one self-contained HTML file: it loads nothing, and no foreign text is ever markup."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from retain.records import Choice, RunRecord, Training
from retain.reporting import symptoms, terms
from retain.reporting.alarms import alarm_block, alarm_intro
from retain.reporting.charts import Mark, Series, Setting, forest_plot, line_chart, strength_curve
from retain.reporting.facts import Block, as_yaml, blocks, table
from retain.reporting.flips import GUESSING, guessing_block
from retain.reporting.kl_meter import kl_block, kl_intro
from retain.reporting.markdown import plain_value, training_facts
from retain.reporting.measured import ways
from retain.reporting.noise import noise_block, noise_intro
from retain.reporting.numbers import NOT_AVAILABLE, duration
from retain.reporting.page import both_widths, minus, render_page
from retain.reporting.pairs import Pair, pairs, shown
from retain.reporting.rankings import CALIBRATION, MEASURES, calibration_block, measures_block
from retain.reporting.rewards import REWARDS, rewards_block
from retain.reporting.tables import TONES, Row, gain_rows, loss_rows, main_reasons, pooled_row, unproven
from retain.reporting.text import words

NO_CURVE = ("step", "epoch")
LOSSES = ("loss", "task_loss", "held_out_loss")
"""Drawn in one chart."""


def render_html(record: RunRecord) -> str:
    """The whole report as one page: offline, light and dark, on a phone, printed and without JavaScript."""
    return render_page("report", **_page(record))


def _page(record: RunRecord) -> dict[str, Any]:
    """Everything the template shows."""
    examples = shown(record)
    return {
        "record": record,
        "verdict": record.verdict,
        "comparison": record.comparison,
        "tone": _verdict_tone(record),
        "outcome": terms.outcome(record),
        "headline": terms.headline(record),
        "deciding": terms.deciding(record),
        "terms": terms,
        "reasons": main_reasons(record),
        "tiles": _tiles(record),
        "gains": gain_rows(record),
        "losses": loss_rows(record),
        "pooled": pooled_row(record),
        "unproven": unproven(record),
        "guessing": guessing_block(record),
        "guessing_intro": GUESSING,
        "noise": noise_block(record),
        "noise_intro": noise_intro(record),
        "measures": measures_block(record),
        "measures_intro": MEASURES,
        "rewards": rewards_block(record),
        "rewards_intro": REWARDS,
        "calibration": calibration_block(record),
        "calibration_intro": CALIBRATION,
        "kl_meter": kl_block(record),
        "kl_intro": kl_intro(record),
        "plots": _plots(record),
        "examples": examples,
        "example_probes": list(dict.fromkeys((pair.probe, pair.capability) for pair in examples)),
        "answered": len(pairs(record)),
        "symptoms": symptoms.in_order(record.comparison.symptoms),
        "symptom_words": symptoms,
        "alarms": alarm_block(record),
        "alarm_intro": alarm_intro(record),
        "choices": [(choice, _choice_plots(choice, record)) for choice in record.choices],
        "training_facts": training_facts(record.training) if record.training else [],
        "curves": _curves(record.training) if record.training else [],
        "data": blocks(record.data),
        "general": [table(record.general)] if record.general else [],
        "ways": ways(record),
        "provenance": _provenance(record),
        "recipe": as_yaml(record.recipe) if record.recipe else "",
        "way": _way,
        "value": plain_value,
    }


def _verdict_tone(record: RunRecord) -> str:
    """The banner's colour; a demonstration is never green."""
    if record.verdict.gate.demonstration and record.verdict.outcome == "retained":
        return "open"
    return TONES[record.verdict.outcome]


def _tiles(record: RunRecord) -> list[dict[str, str]]:
    """The two or three numbers that a reader wants first."""
    tiles = [_tile("Gain", row, f"on {row.label}") for row in gain_rows(record)[:1]]
    pooled = pooled_row(record)
    if pooled is not None:
        tiles.append(
            _tile(
                "Mean change of capabilities",
                pooled,
                f"loss at most {pooled.loss_at_most}, margin {pooled.margin}",
            )
        )
    counted = [row for row in loss_rows(record) if row.outcome != "near chance" and row.delta != NOT_AVAILABLE]
    if counted:
        worst = min(counted, key=lambda row: row.change.delta)
        tiles.append(_tile("Largest fall", worst, f"{worst.label}, margin {worst.margin}"))
    return tiles


def _tile(name: str, row: Row, note: str) -> dict[str, str]:
    unit = "" if row.delta.endswith("%") else " points"
    return {
        "name": name,
        "value": row.delta,
        "unit": unit,
        "range": row.interval,
        "note": note,
        "tone": row.tone,
    }


def _plots(record: RunRecord) -> dict[str, Markup]:
    """Forest plots by place: gains, losses in points, losses in percent; each wide and narrow."""
    losses = loss_rows(record)
    pooled = pooled_row(record)
    points = [row for row in losses if row.change.unit == "points"]
    percent = [row for row in losses if row.change.unit == "percent"]
    return {
        "gains": _forest(
            gain_rows(record), "Gains", f"gain in {_gain_unit(record)} (right is better)", "least wanted", 1
        ),
        "points": _forest(
            [*([pooled] if pooled else []), *points], "Capabilities", "change in points (right is better)"
        ),
        "percent": _forest(
            percent, "Capabilities in percent", "change in percent of the base's value (right is better)"
        ),
    }


def _forest(rows: Sequence[Row], title: str, axis: str, limit: str = "margin", side: int = -1) -> Markup:
    marks = [_mark(row, side) for row in rows]
    return both_widths(lambda width: forest_plot(marks, title, axis, limit, width))


def _mark(row: Row, side: int) -> Mark:
    """A change as a row of the forest plot; ``side`` -1 puts the limit below zero, as losses need it."""
    change = row.change
    return Mark(
        label=row.label,
        value=change.delta,
        low=change.low,
        high=change.high,
        tone=row.tone,
        limit=side * row.margin_value,
        note=f"{minus(row.delta)} ({minus(row.interval)})",
        strong=row.pooled,
    )


def _choice_plots(choice: Choice, record: RunRecord) -> Markup:
    """The plot of one choice; nothing where only one setting was tried."""
    if len(choice.candidates) < 2:
        return Markup("")
    settings = [
        Setting(
            label=candidate.label,
            gain=candidate.gain,
            mean_loss=candidate.mean_loss,
            worst_loss=candidate.worst_loss,
            passing=candidate.passing,
            chosen=candidate.value == choice.chosen,
        )
        for candidate in choice.candidates
    ]
    gate = record.verdict.gate
    title = f"Choice of {words(choice.what)} on dev items"
    return both_widths(
        lambda width: strength_curve(
            settings, title, words(choice.what), gate.mean_margin, gate.margin, width, _gain_unit(record)
        )
    )


def _gain_unit(record: RunRecord) -> str:
    """Points, or percent of the base's value where no gain is a share."""
    units = {change.unit for change in record.comparison.gains}
    return "percent" if units == {"percent"} else "points"


def _curves(training: Training) -> list[Markup]:
    """One small chart for the losses and for each penalty; the learning rate comes last."""
    names = list(dict.fromkeys(name for entry in training.history for name in entry if name not in NO_CURVE))
    others = sorted((name for name in names if name not in LOSSES), key=lambda name: name == "learning_rate")
    charts = []
    for group in [[name for name in LOSSES if name in names], *([name] for name in others)]:
        series = [one for one in (_series(training, name) for name in group) if len(one.points) > 1]
        if series:
            charts.append(Markup(line_chart(series, words(group[0]), "step")))
    return [chart for chart in charts if chart]


def _series(training: Training, name: str) -> Series:
    entries = enumerate(training.history)
    return Series(words(name), [(one.get("step", float(at)), one[name]) for at, one in entries if name in one])


def _provenance(record: RunRecord) -> list[Block]:
    found = blocks(record.provenance)
    if record.seconds:
        times = [(words(stage), duration(seconds)) for stage, seconds in record.seconds.items()]
        found.append(Block("time by stage", times))
    return found


def _way(pair: Pair) -> str:
    return "fell" if pair.change < 0 else "rose"
