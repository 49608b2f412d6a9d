"""Answers in another format than nearly all others."""

from __future__ import annotations

import json
import re
from collections import Counter

from retain.data.lint.base import Check, Finding, part
from retain.data.lint.material import LintData

LEAST_ROWS = 20
MAIN = 0.9
"""Share of the answers whose format is the set's. With less, several formats are meant."""
_NUMBER = re.compile(r"[-+]?[$€£]?\d[\d,]*(?:\.\d+)?\s?%?")
_QUERY = re.compile(r"(?is)(?:select|with|insert|update|delete|create)\s.*\S")
_MARKUP = re.compile(r"(?s)<([A-Za-z][\w-]*)[^>]*>.*</\1\s*>")
FORMATS = ("JSON", "a number", "a fenced block", "SQL", "markup")
"""Formats that a program reads, where one answer in another breaks it."""


class TargetFormats(Check):
    """Answers that are not JSON (a number, SQL, a fenced block, markup) where nearly all others are; stray blanks.

    Threshold: at least 90% of the answers have the format, and one has not; white space at the ends of under 10%.
    Relations: `target_lengths` looks at lengths, `label_spelling` at labels.
    """

    shapes = ("chat", "preference")

    def find(self, data: LintData) -> list[Finding]:
        """One finding about formats, one about white space."""
        if len(data.examples) < LEAST_ROWS:
            return []
        findings = []
        formats = [format_of(target) for target in data.targets]
        main, most = Counter(formats).most_common(1)[0]
        number = len(formats)
        if main in FORMATS and MAIN * number <= most < number:
            rows = [row for row, found in zip(data.examples, formats, strict=True) if found != main]
            what = f"{part(len(rows), number)} have an answer that is not {main}, as the others are."
            do = "Mend these answers: a program that reads the model's output stops at them."
            findings.append(self.finding("warning", rows, number, what, do))
        rows = [row for row, target in zip(data.examples, data.targets, strict=True) if target != target.strip()]
        if 0 < len(rows) < (1 - MAIN) * number:
            what = f"{part(len(rows), number)} have an answer that begins or ends with white space, unlike the others."
            findings.append(
                self.finding("note", rows, number, what, "Strip these answers; the model learns the blanks.")
            )
        return findings


def format_of(answer: str) -> str:
    """What an answer is, as a program would read it: one of `FORMATS`, or ``text``."""
    text = answer.strip()
    if text[:1] in "{[" and _parses_as_json(text):
        return "JSON"
    if _NUMBER.fullmatch(text):
        return "a number"
    if text.startswith("```") and text.endswith("```") and len(text) > 6:
        return "a fenced block"
    if _MARKUP.fullmatch(text):
        return "markup"
    return (
        "SQL"
        if _QUERY.fullmatch(text) and (" " in text) and re.search(r"(?i)\b(?:from|into|set|table)\b", text)
        else "text"
    )


def _parses_as_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
