"""Answers that say nothing."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping

from retain.data.lint.base import Check, Finding, part
from retain.data.lint.material import LintData
from retain.data.lint.target_formats import format_of

FILLERS = frozenset(
    (
        "n/a",
        "na",
        "nan",
        "none",
        "null",
        "nil",
        "undefined",
        "tbd",
        "todo",
        "tba",
        "xxx",
        "placeholder",
        "empty",
        "#n/a",
    )
)
RARE = 0.02
"""An answer such as "none" that more of the rows have is one of the set's labels."""


class EmptyTargets(Check):
    """Answers without a letter, digit or emoji, fillers that an export left ("nan", "TODO"), or unknown tokens only.

    Threshold: one row; an answer that at least 2% of the rows have (and three of them) is taken for meant.
    Relations: rows without any answer cannot be read at all (`unreadable_rows`).
    """

    shapes = ("chat", "preference")

    def find(self, data: LintData) -> list[Finding]:
        """At most one finding."""
        rows = [data.examples[place] for place in self.drops(data)]
        if not rows:
            return []
        what = f"{part(len(rows), len(data.examples))} have an answer that says nothing."
        return [self.finding("warning", rows, len(data.examples), what, "Take these rows out, or write the answer.")]

    def drops(self, data: LintData) -> Mapping[int, str]:
        """All of them."""
        counts = Counter(data.answers)
        most = max(2, RARE * len(data.examples))
        return {
            place: "the answer says nothing"
            for place, target in enumerate(data.targets)
            if counts[data.answers[place]] <= most and _says_nothing(target, data)
        }


def _says_nothing(target: str, data: LintData) -> bool:
    if format_of(target) == "JSON":
        return False
    if target.strip().casefold() in FILLERS or not any(map(_speaks, target)):
        return True
    unknown = getattr(data.tokenizer, "unk_token_id", None)
    if unknown is None or len(target) > 200:
        return False
    return set(data.tokenizer(target, add_special_tokens=False)["input_ids"]) == {unknown}


def _speaks(letter: str) -> bool:
    """Letters, digits and pictures do; punctuation and the replacement character do not."""
    return letter.isalnum() or (unicodedata.category(letter) == "So" and letter != "\ufffd")
