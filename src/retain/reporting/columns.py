"""Text and tables in the columns of a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from retain.reporting.text import one_line

WIDTH = 80
"""Columns where nobody says how many there are."""
NARROWEST, WIDEST = 60, 100
LONGEST_LABEL = 32


@dataclass(frozen=True)
class Page:
    """Lines of so many columns."""

    width: int

    def wrapped(self, text: str, first: str = "", rest: str = "") -> list[str]:
        """A text as lines."""
        lines = textwrap.wrap(text, self.width, initial_indent=first, subsequent_indent=rest)
        return lines or [first.rstrip()]

    def table(self, rows: Sequence[Sequence[str]], spare: Sequence[str] = ()) -> list[str]:
        """Columns under each other: the first to the left, numbers to the right, the verdict to the left.

        Where there is no room, columns whose header is ``spare`` are left out in that order; then labels are cut.
        """
        cells = [[one_line(cell, LONGEST_LABEL) for cell in row] for row in rows]
        for name in spare:
            if _wide(cells) > self.width and name in cells[0]:
                at = cells[0].index(name)
                cells = [row[:at] + row[at + 1 :] for row in cells]
        room = max(len(row[0]) for row in cells) - max(0, _wide(cells) - self.width)
        cells = [[_cut(row[0], room), *row[1:]] for row in cells]
        widths = _widths(cells)
        last = len(widths) - 1
        return [
            "  ".join(
                cell.ljust(wide) if i in (0, last) else cell.rjust(wide)
                for i, (cell, wide) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in cells
        ]


def _widths(cells: Sequence[Sequence[str]]) -> list[int]:
    return [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]


def _wide(cells: Sequence[Sequence[str]]) -> int:
    widths = _widths(cells)
    return sum(widths) + 2 * (len(widths) - 1)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: max(1, most - 3)].rstrip()}..."


def page_of(width: int) -> Page:
    """Lines for a terminal of so many columns, between 60 and 100."""
    return Page(min(max(width, NARROWEST), WIDEST))
