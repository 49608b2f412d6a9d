"""All checks over one set of rows."""

from __future__ import annotations

from collections.abc import Callable

from retain.data.lint.base import SEVERITIES, Check, Finding
from retain.data.lint.masking import as_written
from retain.data.lint.material import LintData
from retain.records import Record
from retain.registry import units

FOLDER = "data.lint"
VERSION = 4
"""Counted up when a check finds something else in the same rows: findings that were kept are then made anew."""


class Lint(Record):
    """What all checks found in one file or set."""

    source: str
    rows: int
    held_out: int
    shape: str
    findings: list[Finding]
    """Errors first, then warnings, then notes."""
    left_out: dict[str, str] = {}
    """Check -> why it had nothing to look at."""

    def of(self, severity: str) -> list[Finding]:
        """The findings of one severity."""
        return [finding for finding in self.findings if finding.severity == severity]


def checks() -> dict[str, Check]:
    """All checks by name."""
    return {name: kind() for name, kind in sorted(units(FOLDER).items()) if issubclass(kind, Check)}


def run_checks(data: LintData, tick: Callable[[int, int], None] = lambda done, total: None) -> Lint:
    """Everything that the checks find.

    Args:
        data: the rows, and what else was given.
        tick: called with (checks done, checks).
    """
    known = checks()
    findings: list[Finding] = []
    left_out = {}
    for number, (name, check) in enumerate(known.items()):
        tick(number, len(known))
        reason = check.left_out(data)
        if reason is None:
            findings += check.find(data)
        else:
            left_out[name] = reason
    findings.sort(key=lambda finding: (SEVERITIES.index(finding.severity), -finding.share, finding.check))
    return Lint(
        source=as_written(data.source),
        rows=len(data.examples),
        held_out=len(data.held_out),
        shape=data.shape,
        findings=findings,
        left_out=left_out,
    )
