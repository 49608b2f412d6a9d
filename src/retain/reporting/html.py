"""The report as one self-contained HTML file: it loads nothing, and no foreign text is ever markup."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from retain.records import Candidate, Choice, RunRecord, Training
from retain.reporting import symptoms, terms, unknown
from retain.reporting.alarms import alarm_block, alarm_flags, alarm_intro
from retain.reporting.charts import Mark, Series, Setting, forest_plot, line_chart, strength_curve
from retain.reporting.facts import Block, as_yaml, blocks, table
from retain.reporting.flips import GUESSING, guessing_block
from retain.reporting.items import items_of
from retain.reporting.kl_meter import kl_block, kl_intro
from retain.reporting.lint import findings, severity_tone
from retain.reporting.markdown import plain_value, training_facts
from retain.reporting.measured import ways
from retain.reporting.noise import noise_block, noise_intro
from retain.reporting.numbers import NOT_AVAILABLE, duration, finite
from retain.reporting.page import both_widths, minus, render_page
from retain.reporting.pairs import shown
from retain.reporting.rankings import CALIBRATION, MEASURES, calibration_block, measures_block
from retain.reporting.repeating import repeating
from retain.reporting.rewards import REWARDS, rewards_block
from retain.reporting.tables import TONES, Row, gain_rows, loss_rows, main_reasons, pooled_row
from retain.reporting.text import words
from retain.reporting.trade_off_chart import Trade, trade_off

NO_CURVE = ("step", "epoch")
NORMAL = 1.96
"""Standard errors on each side of a normal 95% interval."""
LOSSES = ("loss", "task_loss", "held_out_loss")
"""Drawn in one chart."""


def render_html(record: RunRecord) -> str:
    """The whole report as one page: offline, light and dark, on a phone, printed and without JavaScript."""
    return render_page("report", **_page(record))


def _page(record: RunRecord) -> dict[str, Any]:
    """Everything the template shows."""
    found = findings(record.data)
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
        "gaps": unknown.gaps(record),
        "gaps_intro": unknown.INTRO,
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
        "examples": shown(record, fell=3, rose=1),
        "items": items_of(record),
        "symptoms": symptoms.in_order(record.comparison.symptoms),
        "symptom_words": symptoms,
        "alarms": alarm_block(record),
        "alarm_intro": alarm_intro(record),
        "choices": [(choice, _trade_plot(choice, record), _choice_plots(choice, record)) for choice in record.choices],
        "training_facts": training_facts(record.training) if record.training else [],
        "curves": _curves(record.training) if record.training else [],
        "data": blocks({key: value for key, value in record.data.items() if key != "lint" or not found}),
        "findings": found,
        "severity_tone": severity_tone,
        "general": [table(record.general)] if record.general else [],
        "ways": ways(record),
        "provenance": _provenance(record),
        "recipe": as_yaml(record.recipe) if record.recipe else "",
        "repeating": repeating(record),
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
            worst_loss=candidate.worst_loss if candidate.worst_unit == "points" else None,
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


def _trade_plot(choice: Choice, record: RunRecord) -> Markup:
    """Gain against mean loss of the settings tried; nothing where fewer than two have both numbers."""
    trades = [_trade(candidate, choice) for candidate in choice.candidates if _both(candidate)]
    if len(trades) < 2:
        return Markup("")
    title = f"Gain against mean loss of each {words(choice.what)} on dev items"
    margin, unit = record.verdict.gate.mean_margin, _gain_unit(record)
    return both_widths(lambda width: trade_off(trades, title, margin, width, unit, joined=True, kind="dev"))


def _both(candidate: Candidate) -> bool:
    return finite(candidate.gain, candidate.mean_loss)


def _trade(candidate: Candidate, choice: Choice) -> Trade:
    gain, loss = candidate.gain or 0.0, candidate.mean_loss or 0.0
    return Trade(
        label=candidate.label,
        gain=gain,
        loss=loss,
        gain_range=_around(gain, candidate.gain_error),
        loss_range=_around(loss, candidate.loss_error),
        tone="good" if candidate.passing else "bad",
        passing=candidate.passing,
        chosen=candidate.value == choice.chosen,
    )


def _around(value: float, error: float | None) -> tuple[float, float] | None:
    """The 95% interval of a value with this standard error."""
    return None if error is None else (value - NORMAL * error, value + NORMAL * error)


def _gain_unit(record: RunRecord) -> str:
    """Points, or percent of the base's value where no gain is a share."""
    units = {change.unit for change in record.comparison.gains}
    return "percent" if units == {"percent"} else "points"


def _curves(training: Training) -> list[Markup]:
    """A chart for the losses, with the raised alarms, then one for each penalty; the learning rate comes last."""
    names = list(dict.fromkeys(name for entry in training.history for name in entry if name not in NO_CURVE))
    others = sorted((name for name in names if name not in LOSSES), key=lambda name: name == "learning_rate")
    losses = [_held_out(training) if name == "held_out_loss" else _series(training, name) for name in LOSSES]
    losses = [one for one in losses if len(one.points) > 1]
    flags = alarm_flags(training)
    charts = []
    if losses:
        charts.append(both_widths(lambda width: line_chart(losses, "loss", "step", width, 260, flags)))
    for name in others:
        series = _series(training, name)
        if len(series.points) > 1:
            charts.append(Markup(line_chart([series], words(name), "step")))
    return [chart for chart in charts if chart]


def _series(training: Training, name: str) -> Series:
    entries = enumerate(training.history)
    return Series(words(name), [(one.get("step", float(at)), one[name]) for at, one in entries if name in one])


def _held_out(training: Training) -> Series:
    """The loss of held-out rows, from before the first update where it was read, in nats a token."""
    start = training.rows_at_start
    read = [(0, start.held_out, start.held_out_tokens)] if start else []
    read += [(one.step, one.losses, one.tokens) for one in training.held_out]
    points = [(float(step), sum(losses) / sum(tokens)) for step, losses, tokens in read if sum(tokens)]
    return Series("held-out loss", points) if points else _series(training, "held_out_loss")


def _provenance(record: RunRecord) -> list[Block]:
    found = blocks({key: value for key, value in record.provenance.items() if key != "command"})
    if record.seconds:
        times = [(words(stage), duration(seconds)) for stage, seconds in record.seconds.items()]
        found.append(Block("time by stage", times))
    return found
