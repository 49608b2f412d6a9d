"""Reading the hand-written tables: one line per entry, fields parted by bars, alternatives by semicolons."""

from __future__ import annotations


def table(block: str) -> list[list[str]]:
    """The rows of a block of ``field | field | ...`` lines, blank lines left out."""
    return [[field.strip() for field in line.split("|")] for line in block.strip().splitlines() if line.strip()]


def alternatives(field: str) -> list[str]:
    """``a; b`` as a list."""
    return [part.strip() for part in field.split(";")]


def answer(field: str) -> str | list[str]:
    """One accepted answer as a string, several as a list."""
    parts = alternatives(field)
    return parts[0] if len(parts) == 1 else parts


def take_turns(frames: list[str], index: int) -> str:
    """The frame for row number ``index``, each in its turn."""
    return frames[index % len(frames)]
