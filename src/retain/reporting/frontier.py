"""A frontier's report: one row for each arm, what is recommended and why."""

from __future__ import annotations

import math
from pathlib import Path

from retain.folder import write_text
from retain.records import ArmResult, Candidate, Change, FrontierRecord
from retain.reporting.frontier_chart import Curve, Place, frontier_plot
from retain.reporting.numbers import count, duration, interval, plain, signed
from retain.reporting.text import markdown

NORMAL = 1.96
"""Standard errors in half of a 95% interval."""


def write_frontier(record: FrontierRecord, folder: Path) -> Path:
    """Write ``frontier.md`` and the figure ``frontier.svg`` into the frontier's folder.

    Raises:
        UserError: the disk is full or the folder cannot be written.
    """
    path = folder / "frontier.md"
    write_text(folder / "frontier.svg", figure(record))
    write_text(path, render_frontier(record))
    return path


def figure(record: FrontierRecord) -> str:
    """Retention against gain on dev items: one curve for each arm over its strengths, as SVG; empty without points."""
    taken = record.recommended
    curves = [
        Curve(
            arm.name,
            [
                Place(
                    gain=one.gain if one.gain is not None else math.nan,
                    change=-one.mean_loss if one.mean_loss is not None else math.nan,
                    gain_half=NORMAL * (one.gain_error or 0.0),
                    change_half=NORMAL * (one.loss_error or 0.0),
                    passing=one.passing,
                    chosen=taken is not None
                    and (arm.variant, arm.share) == (taken.variant, taken.share)
                    and one.value == arm.strength,
                )
                for one in sorted(arm.curve, key=lambda one: one.value)
            ],
        )
        for arm in record.arms
    ]
    margin = float(record.recipe["gate"]["mean_margin"])
    return frontier_plot(curves, f"Retention against gain, {record.title}", margin)


def render_frontier(record: FrontierRecord) -> str:
    """The report as markdown; foreign text is escaped."""
    sections = [f"# Frontier of {markdown(record.title)}", _recommended(record), _arms(record), _strengths(record)]
    sections += [_left_out(record)]
    if figure(record):
        sections.insert(2, "![Retention against gain](frontier.svg)")
    return "\n\n".join(section for section in sections if section) + "\n"


def summary(record: FrontierRecord, folder: Path) -> str:
    """What a terminal shows at the end."""
    lines = [f"{arm.name}: {_brief(arm)}" for arm in record.arms]
    if record.recommended is not None:
        lines += [f"Recommended: {record.recommended.variant}. {record.recommended.reason}."]
        lines += [record.advice] if record.advice else []
        lines += [f"Run it on: retain run {folder / 'recommended.yaml'}"]
    return "\n".join([*lines, f"Report: {folder / 'frontier.md'}"])


def _brief(arm: ArmResult) -> str:
    if arm.failed:
        return f"failed: {arm.failed}"
    gain = "no task items" if arm.gain is None else f"gain {signed(arm.gain.delta)}"
    mean = "" if arm.mean is None else f", capabilities {signed(arm.mean.delta)} on average"
    return f"{arm.outcome} at strength {arm.strength:g}: {gain}{mean}"


def _recommended(record: FrontierRecord) -> str:
    taken = record.recommended
    if taken is None:
        return "**No arm could be measured.**"
    lines = [f"**Recommended: {markdown(taken.variant)}.** {markdown(taken.reason)}. The recipe: recommended.yaml."]
    lines += [markdown(record.advice)] if record.advice else []
    return "\n\n".join(lines)


def _arms(record: FrontierRecord) -> str:
    """One row for each arm: the choice on dev items, then what test items say of it."""
    heads = ["arm", "strength", "dev: gain", "dev: mean loss", "test: gain", "test: mean of capabilities", "verdict"]
    heads += ["task tokens", "training"]
    rows = [_row(arm) for arm in record.arms]
    return "## Arms\n\nGain and loss in points of 100, with 95% intervals.\n\n" + _table(heads, rows)


def _row(arm: ArmResult) -> list[str]:
    if arm.failed:
        return [markdown(arm.name), "failed: " + markdown(arm.failed), *[""] * 7]
    taken = next(one for one in arm.curve if one.value == arm.strength)
    cells = [markdown(arm.name), f"{taken.value:g}", signed(taken.gain), plain(taken.mean_loss), _change(arm.gain)]
    return [*cells, _change(arm.mean), str(arm.outcome), count(arm.task_tokens), duration(arm.seconds)]


def _change(change: Change | None) -> str:
    return "" if change is None else f"{signed(change.delta)} ({interval(change.low, change.high)})"


def _strengths(record: FrontierRecord) -> str:
    """Every arm at every strength, with the points that no other beats marked."""
    rows = [
        [markdown(arm.name), one.label, signed(one.gain), plain(one.mean_loss), _worst(one), _sign(one)]
        for arm in record.arms
        for one in arm.curve
    ]
    best = ", ".join(markdown(label) for label in record.pareto)
    text = f"No other point beats these in both gain and mean loss: {best}.\n\n" if best else ""
    heads = ["arm", "strength", "gain", "mean loss", "worst capability", "within the margins"]
    return f"## Strengths, on dev items\n\n{text}{_table(heads, rows)}" if rows else ""


def _worst(one: Candidate) -> str:
    return f"{markdown(one.worst)} {plain(one.worst_loss)}" if one.worst else ""


def _sign(one: Candidate) -> str:
    return "yes" if one.passing else "no"


def _left_out(record: FrontierRecord) -> str:
    lines = [f"- Dropped after short runs: {markdown(', '.join(record.dropped))}."] if record.dropped else []
    lines += [f"- Rungs that were not needed: {markdown(', '.join(record.not_run))}."] if record.not_run else []
    return "\n".join(["## Not trained in full\n", *lines]) if lines else ""


def _table(heads: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])
