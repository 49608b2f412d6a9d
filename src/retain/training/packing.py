"""What packing made of rows: how many sequences, how full, and how many tokens an update sees."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from retain.data.encoding import Encoded


@dataclass(frozen=True)
class Packed:
    """Rows in sequences of at most ``max_length`` tokens."""

    rows: int
    tokens: int
    sequences: int
    max_length: int
    together: int
    """Sequences of an update, on all processes; the last one of an epoch may have fewer."""

    @property
    def fill(self) -> float:
        """Share of the sequences' room that holds tokens."""
        return self.tokens / (self.sequences * self.max_length)

    @property
    def batch_tokens(self) -> int:
        """Tokens of an update, on average."""
        return round(self.tokens / math.ceil(self.sequences / self.together))

    @property
    def note(self) -> str:
        """What a reader of the report is told."""
        return (
            f"{self.rows:,} rows of {self.tokens:,} tokens are packed into {self.sequences:,} sequences of at most "
            f"{self.max_length:,} tokens, {100 * self.fill:.0f}% full; attention stays within a row. An update sees "
            f"{self.batch_tokens:,} tokens on average"
        )


def packed(rows: Sequence[Encoded], sequences: int, max_length: int, together: int) -> Packed:
    """What became of rows: none was cut, since none is longer than ``max_length``."""
    return Packed(len(rows), sum(len(row.input_ids) for row in rows), sequences, max_length, together)
