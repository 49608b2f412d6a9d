"""The loose parts of a record (data, provenance, recipe) as titled facts and small tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from retain.data.lint.masking import masked
from retain.reporting.numbers import compact
from retain.reporting.text import words

MOST_ROWS = 30


@dataclass(frozen=True)
class Block:
    """A title with facts (name and value) or a table (columns and rows)."""

    title: str
    facts: list[tuple[str, str]] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    left_off: int = 0
    """Rows of the table that are not shown."""


def blocks(values: Mapping[str, Any], title: str = "") -> list[Block]:
    """Plain values in one block, then one for each mapping and each list of mappings. Empty ones vanish."""
    own: list[tuple[str, str]] = []
    nested: list[Block] = []
    for key, value in values.items():
        if isinstance(value, Mapping):
            facts = flatten(value)
            nested += [Block(words(key), facts)] if facts else []
        elif is_table(value):
            nested.append(table(value, words(key)))
        elif value not in ("", [], ()):
            own.append((words(key), as_text(value)))
    return ([Block(title, own)] if own else []) + nested


def provenance_blocks(values: Mapping[str, Any]) -> list[Block]:
    """A record's provenance; secrets in the command that somebody typed are masked."""
    typed = values.get("command")
    return blocks({**values, "command": masked(typed)} if isinstance(typed, str) else values)


def flatten(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """``{"gpu": {"name": "x"}}`` -> ``[("gpu name", "x")]``."""
    facts: list[tuple[str, str]] = []
    for key, value in values.items():
        name = f"{prefix} {words(str(key))}".strip()
        if isinstance(value, Mapping):
            facts += flatten(value, name)
        else:
            facts.append((name, as_text(value)))
    return facts


def is_table(value: Any) -> bool:
    """True for a list of mappings with something in it."""
    return isinstance(value, Sequence) and bool(value) and all(isinstance(row, Mapping) for row in value)


def table(rows: Sequence[Mapping[str, Any]], title: str = "") -> Block:
    """A list of mappings as a table; its columns are all keys in the order of their first appearance."""
    keys = list(dict.fromkeys(key for row in rows for key in row))
    return Block(
        title=title,
        columns=[words(str(key)) for key in keys],
        rows=[[as_text(row[key]) if key in row else "" for key in keys] for row in rows[:MOST_ROWS]],
        left_off=max(0, len(rows) - MOST_ROWS),
    )


def as_text(value: Any) -> str:
    """Any value as one line: lists with commas, mappings as ``key: value``."""
    if isinstance(value, Mapping):
        return ", ".join(f"{words(str(key))}: {as_text(inner)}" for key, inner in value.items()) or "none"
    if isinstance(value, (list, tuple, set, frozenset)):
        entries = [
            as_text(inner) for inner in (sorted(value, key=str) if isinstance(value, (set, frozenset)) else value)
        ]
        shown = ", ".join(entries[:MOST_ROWS]) or "none"
        return f"{shown} ... and {len(entries) - MOST_ROWS} more" if len(entries) > MOST_ROWS else shown
    return compact(value)


def as_plain(value: Any) -> Any:
    """The value with only mappings, lists and scalars in it, so that YAML can hold it."""
    if isinstance(value, Mapping):
        return {str(key): as_plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [as_plain(inner) for inner in value]
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def as_yaml(recipe: Mapping[str, Any]) -> str:
    """The resolved recipe as YAML, in its own order; secrets and personal data in its texts are masked."""
    import yaml

    return yaml.safe_dump(_masked(as_plain(recipe)), sort_keys=False, allow_unicode=True, width=100).rstrip()


def _masked(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _masked(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_masked(inner) for inner in value]
    return masked(value) if isinstance(value, str) else value
