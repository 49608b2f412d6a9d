"""Rows whose keys are of no known shape, but for a name or two: which key to rename, and to what."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Any

from retain.data.shapes import ANSWERS, NEGATIVES, POSITIVES, PROMPTS, QUERIES
from retain.data.unread import NAMES

ALIKE = 0.75
"""How alike two spellings are at least, from 0 to 1: "mesages", "Prompt"."""
OTHER_NAMES = (
    (ANSWERS, NAMES | {"assistant", "bot", "gpt", "answer_text", "result", "a"}),
    (PROMPTS, frozenset({"user", "human", "query", "instruction", "request", "message", "problem", "q"})),
    (("chosen",), frozenset({"accepted", "preferred", "better", "winner"})),
    (("rejected",), frozenset({"refused", "dispreferred", "worse", "loser"})),
    (QUERIES, frozenset({"question", "search", "search_query"})),
    (POSITIVES, frozenset({"positive_passages", "relevant", "pos_docs"})),
    (NEGATIVES, frozenset({"negative_passages", "irrelevant", "neg_docs"})),
    (("text",), frozenset({"content", "body", "document", "raw_text", "raw_content", "article", "passage"})),
)
"""Names of which a shape knows one, and what others call the same."""
MOST_RENAMED = 2
"""Keys; with more nothing tells what a row is meant as."""
PARTNERS = {"question": "answer", "prompt": "completion", "input": "output", "instruction": "output"}
"""What the answer to each is called."""


def renamed(row: dict[str, Any], shapes: Iterable[Sequence[Sequence[str]]]) -> str:
    """``rename `reply` to `answer```, for the shape that needs the fewest keys renamed; empty where there is none.

    Args:
        row: of no known shape.
        shapes: of each shape the groups of names of which it needs one.
    """
    named = {key: value for key, value in row.items() if isinstance(key, str) and not key.lower().endswith("id")}
    keys = [key for key, value in named.items() if isinstance(value, str | list)]
    lacking = [([group for group in groups if not set(group) & set(keys)], groups) for groups in shapes]
    for missing, groups in sorted(lacking, key=lambda one: len(one[0])):
        if 0 < len(missing) <= MOST_RENAMED and (pairs := _pairs(keys, missing, groups)):
            return " and ".join(f"rename `{key}` to `{name}`" for key, name in pairs)
    return ""


def _pairs(
    keys: Sequence[str], missing: Sequence[Sequence[str]], groups: Sequence[Sequence[str]]
) -> list[tuple[str, str]]:
    """For each missing group a key and its name there; empty where one has none."""
    held = {name for group in groups for name in group}
    spare = [key for key in keys if key not in held]
    pairs: list[tuple[str, str]] = []
    for group in missing:
        found = _near([key for key in spare if key not in dict(pairs)], group)
        if found is None:
            return []
        known = [*keys, *(name for _, name in pairs)]
        pairs.append((found[0], next((PARTNERS[key] for key in known if PARTNERS.get(key) in group), found[1])))
    return pairs


def _near(spare: Sequence[str], group: Sequence[str]) -> tuple[str, str] | None:
    """A key, and the name in the group that it is most likely meant as."""
    for key in spare:
        if close := difflib.get_close_matches(key.strip().lower(), group, n=1, cutoff=ALIKE):
            return key, close[0]
    others = {name for names, known in OTHER_NAMES if set(names) & set(group) for name in known}
    return next(((key, group[0]) for key in spare if key.strip().lower() in others), None)
