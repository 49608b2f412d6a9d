"""What the checks of secrets and of personal data share: rows with something to mask, and how they are shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from retain.data.example import Example
from retain.data.lint.base import Check, Finding, Severity, part
from retain.data.lint.masking import around
from retain.data.lint.material import LintData
from retain.data.lint.patterns import Hit, Pattern

Held = Mapping[int, tuple[str, Hit]]
"""Place of a row -> a text of it, and the first thing that was found there."""


def find_rows(data: LintData, patterns: Sequence[Pattern]) -> Held:
    """The rows that hold something of these kinds, with the first of it."""
    kinds = {pattern.kind for pattern in patterns}
    firsts = (
        (place, next(((text, hit) for text, hit in found if hit.kind in kinds), None))
        for place, found in data.sensitive.items()
    )
    return {place: first for place, first in firsts if first is not None}


def sensitive_finding(
    check: Check, severity: Severity, data: LintData, found: Held, holds: str, do: str
) -> list[Finding]:
    """The finding about such rows; what was found is masked. Empty where there are none."""
    if not found:
        return []
    rows = [data.examples[place] for place in found]
    kinds = Counter(hit.kind for _, hit in found.values()).most_common()
    named = ", ".join(f"{kind} {count:,}" for kind, count in kinds)
    what = f"{part(len(rows), len(data.examples))} {holds}: {named}."
    places = {id(row): found[place] for place, row in zip(found, rows, strict=True)}

    def text(row: Example) -> str:
        whole, hit = places[id(row)]
        return around(whole, hit.start, hit.end)

    return [check.finding(severity, rows, len(data.examples), what, do, text)]
