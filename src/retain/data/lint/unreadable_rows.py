"""Rows that cannot be read."""

from __future__ import annotations

from retain.data.example import Example
from retain.data.lint.base import Check, Finding, part
from retain.data.lint.material import LintData


class UnreadableRows(Check):
    """Rows that cannot be read: not JSON, without an answer, without a user turn, with unknown roles.

    Threshold: one. A run refuses such a file, so that a row is never left out in silence.
    Relations: what can be read and still teaches nothing is `empty_targets`.
    """

    def find(self, data: LintData) -> list[Finding]:
        """One finding with the first lines and their reasons."""
        if not data.bad:
            return []
        of = len({example.line for example in data.examples} | {row.line for row in data.bad})
        rows = [Example(id="", shape="text", source=data.source, line=row.line, text=row.reason) for row in data.bad]
        what = f"{part(len(rows), of)} cannot be read."
        return [self.finding("error", rows, of, what, "Mend these rows or take them out.")]
