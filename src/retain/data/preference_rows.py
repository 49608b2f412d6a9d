"""Preference rows: an answer of a pair as a conversation, and how far length alone tells which answer was chosen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median

from retain.data.example import Example
from retain.models.base import Message


def answered(example: Example, answer: str) -> Example:
    """A pair's conversation with one of its answers at the end; it keeps the pair's id, source and line."""
    messages = (*example.messages, Message(role="assistant", content=answer))
    return Example(id=example.id, shape="chat", messages=messages, source=example.source, line=example.line)


def as_conversations(rows: Iterable[Example]) -> list[Example]:
    """Rows with preference pairs as conversations that end with the chosen answer; those that chose silence left out.

    Rows of other shapes stay as they are.
    """
    found = [(row, row.shape == "preference") for row in rows]
    return [answered(row, row.chosen) if pair else row for row, pair in found if not pair or row.chosen.strip()]


def length_summary(rows: Sequence[Example]) -> dict[str, str]:
    """How often the chosen answer is the longer one, and how the lengths compare, in characters; for a report.

    Args:
        rows: of preference shape.
    """
    longer = sum(len(row.chosen) > len(row.rejected) for row in rows)
    shorter = sum(len(row.chosen) < len(row.rejected) for row in rows)
    chosen, rejected = (median(len(text) for text in texts) for texts in _texts(rows))
    ratio = median((1 + len(row.chosen)) / (1 + len(row.rejected)) for row in rows)
    return {
        "pairs whose chosen answer is longer": f"{longer} of {len(rows)} ({100 * longer / len(rows):.0f}%)",
        "pairs whose chosen answer is shorter": f"{shorter} of {len(rows)} ({100 * shorter / len(rows):.0f}%)",
        "characters of a chosen answer (median)": f"{chosen:.0f}",
        "characters of a rejected answer (median)": f"{rejected:.0f}",
        "chosen length over rejected (median)": f"{ratio:.2f}",
    }


def _texts(rows: Sequence[Example]) -> tuple[list[str], list[str]]:
    return [row.chosen for row in rows], [row.rejected for row in rows]
