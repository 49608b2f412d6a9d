"""Rows cut in two for the test of recitation: a beginning that is given, and an end that a model may know by heart."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from difflib import SequenceMatcher

from retain.data.encoding import IGNORED, Encoded
from retain.records import Record, content_hash

MOST = 50
"""Tokens of an answer that are given, and that are asked for (Carlini et al. 2023, arXiv 2202.07646)."""
LEAST = 8
"""Fewer tokens can be right by chance or by knowing the task."""
SHORTEST = 2 * LEAST - 1
"""Tokens of an answer that is long enough, and so its least number of characters."""


class RecitalRow(Record):
    """One row, cut in two."""

    item: str
    given: list[int]
    """The prompt and the beginning of the answer."""
    rest: list[int]
    """What follows, at most 50 tokens, without the token that ends a turn."""

    @property
    def group(self) -> str:
        """Rows with the same rest share this."""
        return content_hash(self.rest)


def cut_in_two(item: str, row: Encoded, ends: Collection[int]) -> RecitalRow | None:
    """Half of the last answer is given (at most 50 tokens); None where less than 8 tokens are left.

    Args:
        item: the row's id.
        row: its tokens; the answer is what its labels end with.
        ends: tokens that end a turn; they are no part of an answer.
    """
    ids, labels = list(row.input_ids), list(row.labels)
    while ids and (labels[-1] == IGNORED or ids[-1] in ends):
        ids.pop(), labels.pop()
    start = len(labels)
    while start and labels[start - 1] != IGNORED and ids[start - 1] not in ends:
        start -= 1
    half = start + min((len(ids) - start) // 2, MOST)
    rest = ids[half : half + MOST]
    return RecitalRow(item=item, given=ids[:half], rest=rest) if len(rest) >= LEAST and half else None


def twins(rows: Sequence[RecitalRow], pool: Sequence[RecitalRow]) -> list[RecitalRow]:
    """For each row, the row of ``pool`` whose rest is as long, or nearest to it; each is taken once."""
    left = list(pool)
    found = []
    for row in rows:
        if not left:
            break
        nearest = min(left, key=lambda one: (abs(len(one.rest) - len(row.rest)), one.item))
        left.remove(nearest)
        found.append(nearest)
    return found


def longest_run(first: Sequence[int], second: Sequence[int]) -> int:
    """Length of the longest run of tokens that both sequences hold, wherever it stands."""
    matcher = SequenceMatcher(None, list(first), list(second), autojunk=False)
    return matcher.find_longest_match().size
