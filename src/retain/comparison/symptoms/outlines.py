"""The outline of the training answers: how they begin, how they end and how long they are, whatever they say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

LEAST_TARGETS = 10
"""Fewer answers have no outline that they share."""
OFTEN = 0.05
"""A beginning or an end that at least this share of the answers has belongs to the outline."""
FIRST_WORD = 0.50
"""A first word that at least this share of the answers has is a beginning of its own: it opens a query, not a label."""
CENTRAL = 0.95
"""Lengths: this central share of the answers."""


@dataclass(frozen=True)
class Outline:
    """Beginnings, ends and lengths that the training answers have in common; each is a class such as ``lower``."""

    words: frozenset[str]
    """First words that are beginnings of their own, such as ``select``."""
    beginnings: frozenset[str]
    ends: frozenset[str]
    shortest: int
    longest: int
    """Characters."""

    def has(self, text: str, stopped: bool) -> bool:
        """Whether an answer begins, ends and is as long as they are; one that was cut off need not end so.

        A cut answer that has not reached their shortest length yet is not taken for one of them: it may be anything.
        """
        text = text.strip()
        if not text or beginning(text, self.words) not in self.beginnings:
            return False
        return self.shortest <= len(text) <= self.longest and (not stopped or kind_of(text[-1]) in self.ends)


def outline_of(targets: Sequence[str]) -> Outline | None:
    """The outline of answers; None where there are fewer than ten."""
    texts = [text for text in (target.strip() for target in targets) if text]
    if len(texts) < LEAST_TARGETS:
        return None
    firsts = Counter(text.split()[0].casefold() for text in texts)
    words = frozenset(word for word, count in firsts.items() if count >= FIRST_WORD * len(texts))
    lengths = sorted(map(len, texts))
    spared = int((1 - CENTRAL) / 2 * len(lengths))
    return Outline(
        words=words,
        beginnings=_frequent(beginning(text, words) for text in texts),
        ends=_frequent(kind_of(text[-1]) for text in texts),
        shortest=lengths[spared],
        longest=lengths[-1 - spared],
    )


def _frequent(kinds: Iterable[str]) -> frozenset[str]:
    counts = Counter(kinds)
    return frozenset(kind for kind, count in counts.items() if count >= OFTEN * counts.total())


def beginning(text: str, words: frozenset[str]) -> str:
    """The first word where it is a beginning of its own, else the kind of the first character."""
    first = text.split()[0].casefold()
    return first if first in words else f"<{_case(text[0])}>"


def _case(letter: str) -> str:
    if letter.isalpha():
        return "upper" if letter.isupper() else "lower"
    return kind_of(letter)


def kind_of(letter: str) -> str:
    """``letter``, ``digit`` or the mark itself."""
    return "letter" if letter.isalpha() else "digit" if letter.isdigit() else letter
