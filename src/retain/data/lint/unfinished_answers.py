"""Answers that end in the middle of a sentence."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

from retain.data.lint.base import Check, Finding, graded, part
from retain.data.lint.masking import ending
from retain.data.lint.material import LintData
from retain.data.lint.target_formats import format_of

FEWEST_WORDS = 8
"""An answer with fewer is a label or a phrase and needs no full stop."""
CUSTOM = 0.9
"""Share of the prose that must end with a full stop for the rest to be unfinished; below it, ending without
is a style."""
MANY = 0.01
LEAST_CAPPED = 5
"""Answers of the very greatest length, and long ones, that speak for a limit of the program which wrote them."""
LONG = 200
_ENDS = re.compile(r"(?:[.!?;:…。！？؟।\"'”’»)\]}*_`|>%]|\d|[^\W\d_]\)|[\U0001F300-\U0001FAFF\u2600-\u27BF\uFE0F])$")
_HANGS = re.compile(r"(?:[,(\[{–—]|\s-|\b(?:[Tt]he|and|or|but|of|because|than|their|its|your|our|my))$")
"""Words after which a sentence goes on. Not among them: "a" and "an", which may be an option or German, and "her"."""
_ITEM = re.compile(r"^\s*(?:[-*•+#>|]|\d+[.)])|https?://\S+$")


class UnfinishedAnswers(Check):
    """Answers of prose that stop in the middle of a sentence or of code.

    Without a full stop where the others have one, after a comma or "the", with an open code fence, or all at one
    length. A model that learns them stops in the middle too. Lists, links, tables and answers under 8 words end as they
    like.
    Threshold: a missing full stop counts where 90% of the prose has one; one row is a note, 1% of the rows a warning.
    Relations: `truncated_targets` finds what *this* training would cut.
    """

    shapes = ("chat", "preference")

    def find(self, data: LintData) -> list[Finding]:
        """At most one finding."""
        prose = _all_prose(data)
        places = {*_unended(prose), *_hanging(prose), *self.drops(data)}
        rows = [data.examples[place] for place in sorted(places)]
        if not rows:
            return []
        number = len(data.examples)
        severity = graded(len(rows), number, MANY)
        what = f"{part(len(rows), number)} have an answer that seems to end in the middle."
        do = "Take these rows out or finish them; look for a limit of tokens in the program that wrote them."
        return [self.finding(severity, rows, number, what, do, lambda row: ending(row.target, 120))]

    def drops(self, data: LintData) -> Mapping[int, str]:
        """Those that surely end in the middle; a missing full stop, or a last word, alone is for a person to judge."""
        prose = _all_prose(data)
        unended = _unended(prose)
        found = {place: "the answer ends in the middle of a sentence" for place in _hanging(prose) if place in unended}
        found |= {place: "the answer ends in the middle of code" for place, text in prose.items() if _open_code(text)}
        for place in _capped(data, {place for place, text in prose.items() if not _ends(text)}):
            found[place] = "the answer is exactly as long as others that end in the middle"
        return dict(sorted(found.items()))


def _all_prose(data: LintData) -> dict[int, str]:
    return {place: text for place, target in enumerate(data.targets) if (text := _prose(target)) is not None}


def _hanging(prose: Mapping[int, str]) -> list[int]:
    return [place for place, text in prose.items() if _HANGS.search(text)]


def _open_code(text: str) -> bool:
    return text.count("```") % 2 == 1


def _unended(prose: Mapping[int, str]) -> set[int]:
    """Answers without a full stop, where nearly all others have one."""
    unended = {place for place, text in prose.items() if not _ends(text)}
    return unended if len(prose) >= 20 and len(unended) <= (1 - CUSTOM) * len(prose) else set()


def _prose(target: str) -> str | None:
    """The answer where it is prose of some length; None where it is not."""
    text = target.rstrip()
    if len(text.split(None, FEWEST_WORDS)) < FEWEST_WORDS:
        return None
    return text if format_of(text) == "text" else None


def _ends(text: str) -> bool:
    last = text.rsplit("\n", 1)[-1]
    return bool(_ENDS.search(text) or _ITEM.search(last) or (last != text and len(last) < 40))


def _capped(data: LintData, unended: set[int]) -> list[int]:
    """Unfinished answers of the one greatest length that there is."""
    lengths = Counter(len(target) for target in data.targets)
    longest = max(lengths, default=0)
    if longest < LONG or lengths[longest] < max(LEAST_CAPPED, MANY * len(data.targets)):
        return []
    return [place for place in sorted(unended) if len(data.targets[place]) == longest]
