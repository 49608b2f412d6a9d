"""What the tables of several benchmarks share."""

from __future__ import annotations

from pathlib import Path

from retain.folder import read_record
from retain.records import Change, RunRecord


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
    lines = ["| | base | " + " | ".join(arms) + " |", "|---|---|" + "---|" * len(arms)]
    first = found[arms[0]].comparison
    for change in [*first.gains, *first.losses]:
        cells = [cell(_named(found[arm], change.probe)) for arm in arms]
        kind = "writes" if change.generates else "likelihood"
        label = "**the task**" if change in first.gains else f"{change.capability} ({change.probe}, {kind})"
        lines.append(f"| {label} | {change.before:.3g} | " + " | ".join(cells) + " |")
    pooled = [found[arm].comparison.pooled for arm in arms]
    lines.append("| **mean of points** | | " + " | ".join(f"**{cell(one)}**" if one else "" for one in pooled) + " |")
    lines.append("| verdict | | " + " | ".join(found[arm].verdict.outcome for arm in arms) + " |")
    return "\n".join(lines)


def _named(record: RunRecord, probe: str) -> Change | None:
    return next((c for c in [*record.comparison.gains, *record.comparison.losses] if c.probe == probe), None)
