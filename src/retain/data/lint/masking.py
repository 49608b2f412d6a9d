"""Row texts made fit to be shown in a report: secrets and personal data masked, then shortened to one line."""

from __future__ import annotations

from retain.data.lint import personal, tokens_and_keys
from retain.data.lint.patterns import Hit, Pattern, hits

LONGEST = 160
"""Characters of an example."""
READ = 4000
"""Characters of a text that are looked at before it is shortened."""
PATTERNS: tuple[Pattern, ...] = (*tokens_and_keys.PATTERNS, *personal.PATTERNS)


def masked(text: str) -> str:
    """The text with ``[kind]`` in the place of every secret and all personal data that the patterns find."""
    return _replaced(text, hits(text, PATTERNS))


def shown_text(text: str) -> str:
    """One line of at most 160 characters without secrets and personal data; the reports clean control characters."""
    line = " ".join(masked(text[:READ]).split())
    return line if len(line) <= LONGEST else f"{line[:LONGEST].rstrip()} ..."


def around(text: str, hit: Hit, reach: int = 50) -> str:
    """A passage around what was found, with everything in it masked."""
    before = masked(text[max(0, hit.start - reach) : hit.start])
    after = masked(text[hit.end : hit.end + reach])
    return f"{'... ' * (hit.start > reach)}{before}[{hit.kind}]{after}"


def _replaced(text: str, found: list[Hit]) -> str:
    parts, at = [], 0
    for hit in found:
        parts += [text[at : hit.start], f"[{hit.kind}]"]
        at = hit.end
    return "".join([*parts, text[at:]])
