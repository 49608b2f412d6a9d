"""A frontier's report as markdown and for a terminal: one row for each arm, what is recommended and why."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from retain.frontier_records import ArmResult, FrontierRecord
from retain.reporting import frontier_terms as terms
from retain.reporting.frontier_figures import factor_figure, factor_levels, frontier_figure
from retain.reporting.frontier_rows import RECIPE, ArmRow, StrengthRow, arm_rows, left_out, strength_rows
from retain.reporting.markdown_table import markdown_table
from retain.reporting.numbers import signed
from retain.reporting.text import markdown


def render_frontier(record: FrontierRecord, pictures: Collection[str] = ()) -> str:
    """The report as markdown; foreign text is escaped.

    Args:
        record: of the frontier.
        pictures: names of the figures' files that there are beside the SVG ones.
    """
    sections = [
        f"# Frontier of {markdown(record.title)}",
        _recommended(record),
        _figure("Retention against gain", "frontier", terms.FIGURE, pictures) if frontier_figure(record) else "",
        _factor(record, pictures),
        f"## Arms\n\n{terms.ARMS}\n\n{arms_of_frontier(record)}",
        _strengths(record),
        _left_out(record),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def summary(record: FrontierRecord, folder: Path) -> str:
    """What a terminal shows at the end."""
    lines = [f"{arm.name}: {_brief(arm)}" for arm in record.arms]
    if record.recommended is not None:
        lines += [f"Recommended: {record.recommended.variant}. {record.recommended.reason}."]
        lines += [record.advice] if record.advice else []
        lines += [f"Run it on: retain run {folder / RECIPE}"]
    return "\n".join([*lines, f"Report: {folder / 'frontier.html'}"])


def _brief(arm: ArmResult) -> str:
    if arm.failed:
        return f"failed: {arm.failed}"
    gain = "no task items" if arm.gain is None else f"gain {signed(arm.gain.delta)}"
    mean = "" if arm.mean is None else f", capabilities {signed(arm.mean.delta)} on average"
    return f"{arm.outcome} at strength {arm.strength:g}: {gain}{mean}"


def _recommended(record: FrontierRecord) -> str:
    taken = record.recommended
    if taken is None:
        return f"**{terms.NONE}**"
    lines = [f"**Recommended: {markdown(taken.variant)}.** {markdown(taken.reason)}. The recipe: {RECIPE}."]
    lines += [markdown(record.advice)] if record.advice else []
    return "\n\n".join(lines)


def _factor(record: FrontierRecord, pictures: Collection[str]) -> str:
    if not factor_figure(record):
        return ""
    name, levels = factor_levels(record)
    text = terms.factor(numeric=all(one.value is not None for one in levels))
    head = f"## Retention against {markdown(name)}"
    return f"{head}\n\n{_figure('Retention against one factor', 'frontier-factor', text, pictures)}"


def _figure(title: str, name: str, text: str, pictures: Collection[str]) -> str:
    pixels = f" The same in pixels: [{name}.png]({name}.png)." if f"{name}.png" in pictures else ""
    return f"![{title}]({name}.svg)\n\n{text}{pixels}"


def arms_of_frontier(record: FrontierRecord) -> str:
    """A Markdown table, one row for each arm: the choice on dev items, then what test items say of it."""
    heads = ["arm", "strength", "dev: gain", "dev: mean loss", "test: gain", "test: mean of capabilities", "verdict"]
    heads += ["task tokens", "training"]
    return markdown_table(heads, [_row(row) for row in arm_rows(record)])


def _row(row: ArmRow) -> list[str]:
    name = markdown(row.name)
    if row.failed:
        return [name, "failed: " + markdown(row.failed), *[""] * 7]
    cells = [f"**{name}**" if row.recommended else name, row.strength, row.dev_gain, row.dev_loss]
    cells += [_with_interval(row.gain, row.gain_interval), _with_interval(row.mean, row.mean_interval)]
    return [*cells, row.outcome, row.task_tokens, row.seconds]


def _with_interval(value: str, interval: str) -> str:
    return f"{value} ({interval})" if value else ""


def _strengths(record: FrontierRecord) -> str:
    """Every arm at every strength, with the points that no other beats marked."""
    rows = [_strength(row) for row in strength_rows(record)]
    heads = ["arm", "strength", "gain", "mean loss", "worst capability", "within the margins", "Pareto"]
    return f"## Strengths, on dev items\n\n{terms.PARETO}\n\n{markdown_table(heads, rows)}" if rows else ""


def _strength(row: StrengthRow) -> list[str]:
    strength = f"{row.strength} (chosen)" if row.chosen else row.strength
    worst = f"{markdown(row.worst)} {row.worst_loss}".strip()
    signs = ["yes" if row.passing else "no", "yes" if row.pareto else ""]
    return [markdown(row.arm), strength, row.gain, row.loss, worst, *signs]


def _left_out(record: FrontierRecord) -> str:
    lines = [f"- {why}: {markdown(names)}." for why, names in left_out(record)]
    return "\n".join(["## Not trained in full\n", *lines]) if lines else ""
