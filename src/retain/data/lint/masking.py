"""Row texts made fit to be shown in a report: secrets and personal data masked, then shortened to one line.

What is shown of a text is cut from it *after* masking: half a key is no key to a pattern, and still half a secret.
"""

from __future__ import annotations

from retain.data.lint import personal, tokens_and_keys
from retain.data.lint.patterns import Hit, Pattern, hits

LONGEST = 160
"""Characters of an example."""
READ = 4000
"""Characters of a text that are looked at before it is shortened."""
REACH = 20_000
"""Characters on each side of a passage in which something may begin or end that is in the passage; the longest, a
private key, has at most 16,000."""
PATTERNS: tuple[Pattern, ...] = (*tokens_and_keys.PATTERNS, *personal.PATTERNS)


def sensitive_parts(text: str) -> list[Hit]:
    """All secrets and personal data of a text, in order."""
    return hits(text, PATTERNS)


def masked(text: str) -> str:
    """The text with ``[kind]`` in the place of every secret and all personal data that the patterns find."""
    return _replaced(text, sensitive_parts(text), 0, len(text))


def passage(text: str, start: int, end: int) -> str:
    """The characters from ``start`` to ``end``, masked; what only begins or ends in them is masked too."""
    start, end = max(0, start), min(len(text), end)
    first = max(0, start - REACH)
    near = text[first : end + REACH]
    return _replaced(near, sensitive_parts(near), start - first, end - first)


def beginning(text: str, most: int = READ) -> str:
    """The masked beginning of a text in one line, of about ``most`` characters."""
    return " ".join(passage(text, 0, max(READ, most)).split())[:most]


def ending(text: str, most: int = READ) -> str:
    """The masked end of a text in one line, of about ``most`` characters."""
    line = " ".join(passage(text, len(text) - max(READ, most), len(text)).split())
    return line if len(line) <= most else f"... {line[4 - most :]}"


def shown_text(text: str) -> str:
    """One line of at most 160 characters without secrets and personal data; the reports clean control characters."""
    line = beginning(text)
    return line if len(line) <= LONGEST else f"{line[:LONGEST].rstrip()} ..."


def around(text: str, start: int, end: int, reach: int = 50) -> str:
    """What stands from ``start`` to ``end`` and around it, masked."""
    return f"{'... ' * (start > reach)}{passage(text, start - reach, end + reach)}"


def as_written(text: str) -> str:
    """The text without half surrogate pairs, which no file can hold; JSON can spell them, and file names have them."""
    return text.encode("utf-8", "replace").decode()


def _replaced(text: str, found: list[Hit], start: int, end: int) -> str:
    """The characters from ``start`` to ``end``, with each find that has one of them replaced as a whole."""
    parts, at = [], start
    for hit in found:
        if hit.end > start and hit.start < end:
            parts += [text[at : hit.start], f"[{hit.kind}]"]
            at = hit.end
    return "".join([*parts, text[at:end]])
