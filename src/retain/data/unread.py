"""Columns beside a plain text whose names say that they are its answer: the text shape does not read them."""

from __future__ import annotations

from typing import Any

NAMES = frozenset(
    {"label", "labels", "label_text", "label_name", "class", "class_label", "class_name", "category", "categories"}
    | {"intent", "sentiment", "emotion", "target", "targets", "target_text", "ground_truth", "gold", "gold_label"}
    | {"answer", "answers", "completion", "response", "reply", "output", "outputs", "expected", "expected_output"}
    | {"solution", "summary", "translation", "prediction"}
)
"""In small letters. Not what web text comes with: url, source, score, id, date, title, language, topic."""


def unread_answer(row: dict[str, Any]) -> str:
    """The column that looks like the answer to ``text``, one of words before one of numbers; empty without any."""
    found = [key for key, value in row.items() if str(key).strip().lower() in NAMES and _has(value)]
    return next((key for key in found if _is_words(row[key])), found[0] if found else "")


def _has(value: object) -> bool:
    """Whether there is a value: 0 and false are labels, blanks and empty lists are none."""
    return bool(value.strip()) if isinstance(value, str) else value is not None and value not in ([], {})


def _is_words(value: object) -> bool:
    return isinstance(value, str) and any(letter.isalpha() for letter in value)
