"""What the tables of several benchmarks share."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from retain.record_files import read_record
from retain.records import Change, RunRecord

NOT_RUN = "Not run yet."
"""In the place of a table whose results are not there."""


def head(*columns: str) -> list[str]:
    """The first two lines of a table in Markdown."""
    return [line(columns), line(["---"] * len(columns))]


def line(cells: Iterable[str]) -> str:
    """A line of a table; the cells' text is taken as it is."""
    return f"| {' | '.join(cells)} |"


def interval(change: dict[str, float]) -> str:
    """A change with its interval."""
    return f"{change['delta']:+.1f} ({change['low']:+.1f} to {change['high']:+.1f})"


def cell(change: Change | None) -> str:
    """The same of a record's change; nothing where there is none."""
    if change is None:
        return ""
    unit = "%" if change.unit == "percent" else ""
    return f"{change.delta:+.1f}{unit} ({change.low:+.1f} to {change.high:+.1f})"


def arms_table(results: Path, order: list[str]) -> str:
    """One column for each arm: the gain, then each capability's change with its interval, then the verdict."""
    paths = {name: results / f"{name}.json" for name in order}
    found = {name: read_record(path, RunRecord) for name, path in paths.items() if path.is_file()}
    arms = list(found)
    if not arms:
        return NOT_RUN
    lines = head("", "base", *arms)
    first = found[arms[0]].comparison
    if first.rewards:
        lines.append(line(["reward accuracy against the base", "50", *(_reward(found[arm]) for arm in arms)]))
    for change in [*first.gains, *first.losses]:
        cells = [cell(_named(found[arm], change.probe)) for arm in arms]
        kind = "writes" if change.generates else "likelihood"
        label = "**the task**" if change in first.gains else f"{change.capability} ({change.probe}, {kind})"
        lines.append(line([label, f"{change.before:.3g}", *cells]))
    pooled = [found[arm].comparison.pooled for arm in arms]
    lines.append(line(["**mean of points**", "", *(f"**{cell(one)}**" if one else "" for one in pooled)]))
    strengths = [_strength(found[arm]) for arm in arms]
    if set(strengths) != {1.0}:
        lines.append(line(["strength of the update", "", *(f"{one:g}" for one in strengths)]))
    lines.append(line(["verdict", "", *(verdict(found[arm]) for arm in arms)]))
    return "\n".join(lines)


def _reward(record: RunRecord) -> str:
    """The share of pairs whose chosen answer became likelier than the rejected one, in percent."""
    one = next(iter(record.comparison.rewards), None)
    if one is None:
        return ""
    return f"{100 * one.accuracy:.1f} ({100 * one.accuracy_low:.1f} to {100 * one.accuracy_high:.1f})"


def verdict(record: RunRecord) -> str:
    """A run's verdict; of a demonstration never without its margins, nor without what is not proven alone."""
    told, gate = record.verdict, record.verdict.gate
    if not gate.demonstration:
        return told.outcome
    missing = sum(one.outcome == "inconclusive" for one in told.probes)
    alone = f"; {missing} of {len(told.probes)} not proven alone" if missing and told.outcome == "retained" else ""
    return f"{told.outcome} (demonstration: margins {gate.mean_margin:g} and {gate.margin:g}{alone})"


def _strength(record: RunRecord) -> float:
    """The share of the update that a run took."""
    return next((choice.chosen for choice in record.choices if choice.what == "strength"), 1.0)


def _named(record: RunRecord, probe: str) -> Change | None:
    return next((c for c in [*record.comparison.gains, *record.comparison.losses] if c.probe == probe), None)
