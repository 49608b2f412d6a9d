"""What the data lint found, as lines for a terminal and as a table for a report."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from retain.data.lint.base import SEVERITIES, Finding, Shown, counted
from retain.data.lint.run_checks import Lint
from retain.reporting.facts import is_table
from retain.reporting.text import one_line

WIDTH = 100
MOST_IN_REPORT = 3


def lint_summary(lint: Lint) -> str:
    """``2 warnings, 1 note``."""
    counts = [(len(lint.of(severity)), severity) for severity in SEVERITIES]
    found = [f"{number} {severity}{'s' * (number > 1)}" for number, severity in counts if number]
    return ", ".join(found) or "nothing found"


def render_lint(lint: Lint) -> str:
    """All findings with examples, what was not looked at, and the counts."""
    rows = counted(lint.rows, f"{lint.shape} row") if lint.rows else "no row that can be read"
    held_out = f", {counted(lint.held_out, 'held-out row')}" if lint.held_out else ""
    lines = [f"{lint.source}: {rows}{held_out}", ""]
    for finding in lint.findings:
        lines += [*finding_lines(finding), ""]
    for reason in dict.fromkeys(lint.left_out.values()):
        names = ", ".join(name for name, why in lint.left_out.items() if why == reason)
        lines += wrapped(f"Not looked at: {names} ({reason}).", rest="  ")
    return "\n".join([*lines, f"{lint_summary(lint).capitalize()}."])


def finding_lines(finding: Finding, examples: bool = True) -> list[str]:
    """One finding: what, what to do, and some rows."""
    lines = wrapped(f"{finding.severity.upper()} {finding.check}: {one_line(finding.what, 600)}", rest="  ")
    lines += wrapped(f"  What to do: {finding.do}", rest="    ")
    return lines + [f"    {_where(one)}  {one_line(one.text, 170)}" for one in finding.examples if examples]


def lint_section(lint: Lint | None) -> dict[str, Any]:
    """The findings as a table for the data section of a record; empty where there are none."""
    if lint is None or not lint.findings:
        return {}
    return {"lint": [_row(finding) for finding in lint.findings]}


def findings(data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The rows that `lint_section` made, read back from a record's data; empty where there are none, or others."""
    rows: Any = data.get("lint")
    return list(rows) if is_table(rows) and all(map(_is_row, rows)) else []


def _is_row(row: Mapping[str, Any]) -> bool:
    texts = all(isinstance(row.get(key), str) for key in ("severity", "check", "what was found", "what to do"))
    numbers = all(isinstance(row.get(key), (int, float)) for key in ("rows", "share"))
    return texts and numbers and isinstance(row.get("examples"), list)


def severity_tone(severity: str) -> str:
    """The colour of a finding."""
    return {"error": "bad", "warning": "open"}.get(severity, "muted")


def _row(finding: Finding) -> dict[str, Any]:
    return {
        "severity": finding.severity,
        "check": finding.check,
        "rows": finding.count,
        "share": finding.share,
        "what was found": finding.what,
        "what to do": finding.do,
        "examples": [f"{_where(one)} {one.text}" for one in finding.examples[:MOST_IN_REPORT]],
    }


def _where(shown: Shown) -> str:
    """File and line; without the folder, which is another one on every machine."""
    return f"{one_line(Path(shown.source).name, 40)}:{shown.line}"


def wrapped(text: str, first: str = "", rest: str = "") -> list[str]:
    """Lines of at most 100 characters."""
    return textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=rest) or [first]


def severe(findings: Sequence[Finding]) -> str:
    """Findings that stop a run, as the text of an error."""
    return "\n".join(line for finding in findings for line in finding_lines(finding))
