"""Reads items from JSON lines and from the Hub, all bad rows reported at once."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from retain.data.hub import parse_hub_name, read_hub
from retain.errors import nearest
from retain.folder import read_text
from retain.wrong_values import problems_of

T = TypeVar("T", bound=BaseModel)
Fields = Mapping[str, str | list[str]]
"""Item field -> column (``choices.text``), template (``Question: {question}``) or list of columns."""
_COLUMN = re.compile(r"\{([\w.]+)\}")


def read_rows(path: Path) -> Iterator[tuple[int, Any]]:
    """(line number, parsed value) of every line that is not blank; a bad line gives its error."""
    text = read_text(path).removeprefix("\ufeff")
    for number, line in enumerate(io.StringIO(text), start=1):
        if line.strip():
            yield number, _parsed(line)


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        return ValueError(f"not JSON: {error}")


def validated(
    rows: Iterable[tuple[int, Any]], kind: type[T], where: str, fields: Fields | None = None
) -> tuple[list[T], list[str]]:
    """Items of a kind, and what is wrong with the rows that are none (``file, line: reason``)."""
    items: list[T] = []
    problems: list[str] = []
    for number, row in rows:
        try:
            if isinstance(row, ValueError):
                raise row
            if not isinstance(row, dict):
                raise ValueError(f"needs an object, found {type(row).__name__}")
            items.append(kind.model_validate(mapped(row, fields) if fields else row))
        except ValidationError as error:
            problems += [f"{where}, line {number}: {reason}" for reason in reasons(error, kind)]
        except ValueError as error:
            problems.append(f"{where}, line {number}: {error}")
    return items, problems


def reasons(error: ValidationError, kind: type[BaseModel]) -> list[str]:
    """The problems that pydantic found, each with its path and what to do."""
    known = [name for name in kind.model_fields if name != "items"]
    return problems_of(error, None, lambda location: known)


def mapped(row: Mapping[str, Any], fields: Fields) -> dict[str, Any]:
    """A row as an item: each field from a column, a template or several columns.

    ``labels`` is no field of an item: where it is given, ``gold`` is the place of the row's label among them.

    Raises:
        ValueError: a column is missing.
    """
    item = {field: _value(row, source) for field, source in fields.items()}
    labels = item.pop("labels", None)
    if labels is not None:
        if item.get("gold") not in labels:
            raise ValueError(f"gold is {item.get('gold')!r}, which is none of {labels}")
        item["gold"] = list(labels).index(item["gold"])
    return item


def _value(row: Mapping[str, Any], source: str | Sequence[str]) -> Any:
    if not isinstance(source, str):
        return [_value(row, column) for column in source]
    if "{" in source:
        return _COLUMN.sub(lambda match: str(_column(row, match.group(1))), source)
    return _column(row, source)


def _column(row: Mapping[str, Any], path: str) -> Any:
    value: Any = row
    for part in path.split("."):
        if not isinstance(value, Mapping) or part not in value:
            raise ValueError(f'there is no column "{path}"; {nearest(part, row)}')
        value = value[part]
    return value


def hub_rows(source: str) -> list[tuple[int, Any]]:
    """Rows of ``hub:owner/name:config:split``.

    Raises:
        UserError: the source is written wrongly, or the data set cannot be loaded.
    """
    return [(row.line, row.value) for row in read_hub(parse_hub_name(source))]
