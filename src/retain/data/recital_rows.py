"""Rows cut in two for the test of recitation: a beginning that is given, and an end that a model may know by heart."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from difflib import SequenceMatcher
from typing import Any

from retain.data.encoding import IGNORED, Encoded
from retain.data.example import Example
from retain.data.splits import sample
from retain.records import Record, content_hash

MOST = 50
"""Tokens of an answer that are given, and that are asked for (Carlini et al. 2023, arXiv 2202.07646)."""
LEAST = 8
"""Fewer tokens can be right by chance or by knowing the task."""
SHORTEST = 2 * LEAST - 1
"""Tokens of an answer that is long enough, and so its least number of bytes: a token may be a part of a character."""
LOOKED_AT = 8
"""Rows that are looked at for each that is wanted: for answers that are long enough, and for twins of their length."""


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


class RecitalRows(Record):
    """What is tried: training rows, and for each of them a held-out row that is as long."""

    training: list[RecitalRow]
    held_out: list[RecitalRow]
    too_short: int = 0
    """Training rows that were looked at and have too few answer tokens."""


def rows_to_recite(
    train: Sequence[Example],
    held_out: Sequence[Example],
    tokenizer: Any,
    encode: Callable[[Example], Encoded | None],
    count: int = 64,
    seed: int = 0,
) -> RecitalRows:
    """Training rows whose answers are long enough to be known by heart, and held-out twins.

    Args:
        train: the rows that were trained on.
        held_out: rows of the same task that were not.
        tokenizer: the trained model's.
        encode: a row's tokens and labels as training saw them; None where nothing of it was trained.
        count: at most this many rows of each.
        seed: decides which.
    """
    looked_at = sample(train, LOOKED_AT * count, seed)
    ends = frozenset(tokenizer.all_special_ids)
    rows = _long_enough(looked_at, encode, ends)
    others = _long_enough(sample(held_out, LOOKED_AT * count, seed), encode, ends) if rows else []
    return RecitalRows(
        training=rows[:count], held_out=twins(rows[:count], others), too_short=len(looked_at) - len(rows)
    )


def _long_enough(
    examples: Sequence[Example], encode: Callable[[Example], Encoded | None], ends: Collection[int]
) -> list[RecitalRow]:
    able = [one for one in examples if len(one.target.encode("utf-8", "replace")) >= SHORTEST]
    encoded = [(one.id, encode(one)) for one in able]
    rows = [cut_in_two(item, row, ends) for item, row in encoded if row is not None]
    return [row for row in rows if row is not None]


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
