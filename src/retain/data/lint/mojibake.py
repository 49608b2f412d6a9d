"""Text in the wrong encoding."""

from __future__ import annotations

import re
from typing import Any

from retain.data.example import Example
from retain.data.lint.base import Check, Finding, part
from retain.data.lint.masking import around
from retain.data.lint.material import LintData, texts_of

_LOST = re.compile("[\ufffd\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
"""The replacement character, and control characters that no text needs."""
_NEEDLESS = re.compile("[\x00-\x06\x0e-\x1f\x7f]")
r"""Those that are taken out. Not the bell, backspace, tab and feed: they may be the first letter of \alpha or \frac."""


class Mojibake(Check):
    """Text that was read in the wrong encoding ("Ã©" for "é"), lost characters (U+FFFD) and control characters.

    Control characters that may stand for a lost backslash (a form feed for the start of LaTeX's frac) are found and
    stay.
    Found and mended by ftfy (Speer 2019, doi 10.5281/zenodo.2591652), whose rule asks for characters that stand
    together in no language. `--fix` writes the mended text; what was lost stays lost.
    Threshold: one row.
    """

    def find(self, data: LintData) -> list[Finding]:
        """At most one finding."""
        rows = [row for row in data.examples if any(is_broken(text) for text in texts_of(row))]
        if not rows:
            return []
        what = f"{part(len(rows), len(data.examples))} hold text in the wrong encoding, or lost characters."
        do = "Read the source as UTF-8 and export again; --fix mends what can be mended."
        return [self.finding("warning", rows, len(data.examples), what, do, _passage)]


def is_broken(text: str) -> bool:
    """Whether a text holds mojibake, lost characters or control characters."""
    if _LOST.search(text):
        return True
    if text.isascii():
        return False
    from ftfy.badness import is_bad

    return bool(is_bad(text))


def mended(value: Any) -> Any:
    """A row's values with every broken text in them mended."""
    if isinstance(value, str):
        if not is_broken(value):
            return value
        from ftfy import fix_encoding

        return _NEEDLESS.sub("", fix_encoding(value))
    if isinstance(value, list):
        return [mended(one) for one in value]
    return {key: mended(one) for key, one in value.items()} if isinstance(value, dict) else value


def _passage(row: Example) -> str:
    from ftfy.badness import BADNESS_RE

    text = next(text for text in texts_of(row) if is_broken(text))
    found = _LOST.search(text) or BADNESS_RE.search(text)
    at = found.start() if found else 0
    return around(text, at, at + 1)
