"""One label written in several ways."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping

from retain.data.lint.base import Check, Finding, part
from retain.data.lint.material import LintData
from retain.data.lint.near import plain
from retain.data.lint.target_formats import FORMATS, format_of

RARE = 0.1
"""A spelling is odd where it has less than this share of its label's rows: two spellings that are both common may be
two things ("May" and "may")."""
_SIGN = re.compile(r"(?<=\w)(?:[+#]+|-(?!\w))")
"""Signs at a word that make another label of it: "C#", "C++", "A-"."""
LONGEST = 60
"""Characters of a label; longer answers are sentences."""


class LabelSpelling(Check):
    """Answers that differ from a common one in case, white space or punctuation only: "Card arrival", "card arrival.".

    Where answers are compared word by word, a model that learned both is marked wrong for one.
    Threshold: one row; only where answers repeat, and not of JSON or queries, whose values may copy the input.
    Relations: `inconsistent_labels` finds different labels for one input.
    """

    shapes = ("chat",)

    def find(self, data: LintData) -> list[Finding]:
        """At most one finding."""
        if not data.closed:
            return []
        common = self._common(data)
        rows = [row for row in data.examples if row.target in common]
        if not rows:
            return []
        first = rows[0].target
        what = (
            f"{part(len(rows), len(data.examples))} have an answer that is another one in a different spelling, such "
            f"as {first[:LONGEST]!r} for {common[first][:LONGEST]!r}."
        )
        return [self.finding("warning", rows, len(data.examples), what, "Write each answer in one way.")]

    def _common(self, data: LintData) -> Mapping[str, str]:
        """Odd spelling -> the common one."""
        spellings: dict[object, Counter[str]] = defaultdict(Counter)
        for target in data.targets:
            if len(target) <= LONGEST and any(map(str.isalpha, target)) and format_of(target) not in FORMATS:
                spellings[_key(target)][target] += 1
        found: dict[str, str] = {}
        for counts in spellings.values():
            (best, _), *others = counts.most_common()
            found |= {other: best for other, count in others if count < RARE * counts.total()}
        return found


def _key(target: str) -> tuple[str, ...]:
    """What two spellings of one label share."""
    return plain(target), *_SIGN.findall(target)
