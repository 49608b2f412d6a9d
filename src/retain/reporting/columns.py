"""Text and tables in the columns of a terminal, which wide characters take two of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from retain.cells import broken, cut_to, padded
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
        return broken(text, self.width, first, rest) or [first.rstrip()]

    def fitted(self, text: str) -> str:
        """Lines that are too long in several, of which those that go on stand further in; paths stay whole."""
        return "\n".join(part for line in text.split("\n") for part in self._fitted(line))

    def _fitted(self, line: str) -> list[str]:
        start = line[: len(line) - len(line.lstrip(" -*"))]
        return broken(line[len(start) :], self.width, start, " " * max(2, len(start)), cut=False) or [start.rstrip()]

    def table(self, rows: Sequence[Sequence[str]], spare: Sequence[str] = ()) -> list[str]:
        """Columns under each other: the first to the left, numbers to the right, the verdict to the left.

        Where there is no room, columns whose header is ``spare`` are left out in that order; then labels are cut.
        """
        cells = [[one_line(cell, LONGEST_LABEL) for cell in row] for row in rows]
        for name in spare:
            if _wide(cells) > self.width and name in cells[0]:
                at = cells[0].index(name)
                cells = [row[:at] + row[at + 1 :] for row in cells]
        room = max(cell_len(row[0]) for row in cells) - max(0, _wide(cells) - self.width)
        cells = [[_cut(row[0], room), *row[1:]] for row in cells]
        widths = _widths(cells)
        last = len(widths) - 1
        return [
            "  ".join(
                padded(cell, wide, right=i not in (0, last))
                for i, (cell, wide) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in cells
        ]


def _widths(cells: Sequence[Sequence[str]]) -> list[int]:
    return [max(cell_len(row[i]) for row in cells) for i in range(len(cells[0]))]


def _wide(cells: Sequence[Sequence[str]]) -> int:
    widths = _widths(cells)
    return sum(widths) + 2 * (len(widths) - 1)


def _cut(text: str, most: int) -> str:
    return text if cell_len(text) <= most else f"{cut_to(text, max(2, most - 3)).rstrip()}..."


def page_of(width: int) -> Page:
    """Lines for a terminal of so many columns, between 60 and 100."""
    return Page(min(max(width, NARROWEST), WIDEST))
