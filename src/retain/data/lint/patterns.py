"""Finding secrets and personal data by patterns: first a cheap hint, then an expression, then a check of the find."""

from __future__ import annotations

import re
from bisect import bisect, insort
from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Pattern:
    """One kind of thing to find."""

    kind: str
    """What it is called in reports."""
    hint: tuple[str, ...]
    """The text must hold one of these; empty: always look."""
    expression: re.Pattern[str]
    """A group named ``it``, where there is one, is what is masked; else the whole match."""
    holds: Callable[[str], bool] = lambda found: True
    """A check of what was found, such as a checksum."""


@dataclass(frozen=True, slots=True)
class Hit:
    """Something that was found in a text."""

    kind: str
    start: int
    end: int


def hits(text: str, patterns: Iterable[Pattern]) -> list[Hit]:
    """Everything that the patterns find, in order and without overlaps; of two that overlap the first pattern's."""
    found: list[tuple[int, int, str]] = []
    for pattern in patterns:
        if pattern.hint and not any(hint in text for hint in pattern.hint):
            continue
        for match in pattern.expression.finditer(text):
            start, end = match.span("it" if "it" in pattern.expression.groupindex else 0)
            if pattern.holds(text[start:end]) and _is_free(found, start, end):
                insort(found, (start, end, pattern.kind))
    return [Hit(kind, start, end) for start, end, kind in found]


def _is_free(found: list[tuple[int, int, str]], start: int, end: int) -> bool:
    """Whether none of the spans, which are in order, overlaps this one."""
    at = bisect(found, (start,))
    return (at == 0 or found[at - 1][1] <= start) and (at == len(found) or found[at][0] >= end)
