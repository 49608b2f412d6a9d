"""Text by the cells of a terminal that it takes: a Chinese, Japanese or Korean character takes two."""

from __future__ import annotations

import re

from rich.cells import cell_len

_WORD = re.compile(r"([ \t\n]*)([^ \t\n]+)")


def broken(text: str, width: int, first: str = "", rest: str = "", cut: bool = True) -> list[str]:
    """A text in lines of at most ``width`` cells, broken between words; no line where there is no word.

    Args:
        text: what is shown; blanks within a line stay as they are, and a no-break space holds words together.
        width: cells of a line.
        first: what the first line begins with.
        rest: what the others begin with.
        cut: whether a word that is longer than a line is cut; otherwise only words with wide characters are, since
            those languages put no blanks between words, and paths stay whole.
    """
    lines: list[str] = []
    line, empty = first, True
    for gap, word in _WORD.findall(text):
        piece = " " * len(gap) + word
        if not empty and cell_len(line + piece) > width:
            piece = word
            if _stays_whole(word, width - cell_len(rest), cut):
                lines.append(line)
                line = rest
            else:
                line += " "
        while cell_len(line + piece) > width and not _stays_whole(piece, width - cell_len(rest), cut):
            head = cut_to(piece, width - cell_len(line)) or piece[:1] * (line in (first, rest))
            lines.append((line + head).rstrip())
            line, piece = rest, piece[len(head) :]
        line, empty = line + piece, False
    return lines if empty else [*lines, line]


def _stays_whole(word: str, room: int, cut: bool) -> bool:
    return cell_len(word) <= room or (not cut and cell_len(word) == len(word))


def cut_to(text: str, width: int) -> str:
    """The beginning of a text that takes at most so many cells."""
    taken = 0
    for place, letter in enumerate(text):
        taken += cell_len(letter)
        if taken > width:
            return text[:place]
    return text


def padded(text: str, width: int, right: bool = False) -> str:
    """A text with blanks up to so many cells; to the right of them where ``right``."""
    blanks = " " * max(0, width - cell_len(text))
    return blanks + text if right else text + blanks
