"""What the checks of secrets and of personal data share: rows with something to mask, and how they are shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from retain.data.example import Example
from retain.data.lint.base import Check, Finding, Severity, part
from retain.data.lint.masking import around
from retain.data.lint.material import LintData, texts_of
from retain.data.lint.patterns import Hit, Pattern, hits

Held = Mapping[int, tuple[str, Hit]]
"""Place of a row -> a text of it, and the first thing that was found there."""


def find_rows(data: LintData, patterns: Sequence[Pattern]) -> Held:
    """The rows that hold something, with the first of it."""
    found = {}
    for place, row in enumerate(data.examples):
        for text in texts_of(row):
            if held := hits(text, patterns):
                found[place] = (text, held[0])
                break
    return found


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
    passages = {id(row): around(*found[place]) for place, row in zip(found, rows, strict=True)}

    def text(row: Example) -> str:
        return passages[id(row)]

    return [check.finding(severity, rows, len(data.examples), what, do, text)]
