"""What a source yields before anything is known about its meaning: rows, and the rows that cannot be used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from retain.data.lint.masking import as_written, beginning
from retain.errors import UserError, listed

LONGEST = 400
"""Characters of a reason."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row as it was read. ``line`` is its 1-based line, or its number where the format has no lines."""

    line: int
    value: dict[str, Any]


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be used, and why. Line 0 stands for the file as a whole.

    Reasons quote rows and go into reports: they are one line of at most 400 characters, secrets and personal data in
    them are masked, and half surrogate pairs, which no file can hold, replaced.
    """

    line: int
    reason: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "reason", as_written(beginning(self.reason, LONGEST)))


class RowError(ValueError):
    """Why one row cannot be used. Becomes a `BadRow`; never leaves this package."""


def kind_of(value: object) -> str:
    """What a value is, in words for an error message: ``a list``, ``a number``, ``nothing``."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true or false"
    words = {str: "a string", list: "a list", dict: "an object", int: "a number", float: "a number"}
    return words.get(type(value), type(value).__name__)


def refuse(source: str, bad: Sequence[BadRow]) -> None:
    """Report all bad rows of one file at once.

    Raises:
        UserError: there is at least one; the first 20 are shown, the rest counted.
    """
    if not bad:
        return
    ordered = sorted(bad, key=lambda row: row.line)
    problems = [f"{source}:{row.line}: {row.reason}" if row.line else f"{source}: {row.reason}" for row in ordered]
    rows = "1 row" if len(bad) == 1 else f"{len(bad)} rows"
    raise UserError(f"{source}: {rows} cannot be used.\n{listed(problems)}")
