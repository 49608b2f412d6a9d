"""What is wrong with the values of a file, in words: where, what was found, what is allowed, what to do.

pydantic finds the mistakes; its own wording ("Input should be a valid integer, unable to parse string") is written for
programmers, and a union of two types gives one mistake twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

import yaml
from pydantic import ValidationError

from retain.errors import nearest

LONGEST = 80
"""Characters that are shown of a value."""
MOST_KEYS = 8
"""Keys that are shown of a mapping."""
ALLOWED = {
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a whole number that fits into 64 bits",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a number that is finite",
    "string_type": "text",
    "string_unicode": "text without half characters (lone surrogates)",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "keys with values",
    "mapping_type": "keys with values",
    "model_type": "keys with values",
    "model_attributes_type": "keys with values",
    "none_required": "nothing",
}
"""pydantic's name of a mistake -> what is allowed there."""
BOUNDS = {
    "greater_than": ("gt", "a number above {}"),
    "greater_than_equal": ("ge", "a number of at least {}"),
    "less_than": ("lt", "a number below {}"),
    "less_than_equal": ("le", "a number of at most {}"),
    "too_short": ("min_length", "a list of at least {}"),
    "too_long": ("max_length", "a list of at most {}"),
    "string_too_short": ("min_length", "text of at least {} characters"),
    "string_too_long": ("max_length", "text of at most {} characters"),
}
"""The same for those with a limit: its name in pydantic's context, and the words around it."""
_OPTION = re.compile(r"'([^']*)'")

Location = Sequence[int | str]
Kinds = Mapping[str, tuple[str, Sequence[str]]]
"""Path of a list whose entries are told apart by ``kind`` -> (what a person calls an entry, all its kinds)."""


def problems_of(
    error: ValidationError,
    values: Any,
    siblings: Callable[[Location], Sequence[str]] = lambda location: (),
    kinds: Kinds | None = None,
) -> list[str]:
    """Every mistake as one line that begins with its path.

    Args:
        error: what pydantic found.
        values: what was given to it; None where that is not at hand, and paths are as pydantic gives them.
        siblings: location of an unknown key, as pydantic gives it -> the keys that are allowed in its place.
        kinds: of the lists whose entries have kinds.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for one in error.errors(include_url=False):
        found.setdefault(_path(one["loc"], values, one["type"]), []).append(dict(one))
    deepest = [path for path in found if not any(other.startswith(f"{path}.") for other in found)]
    return [_problem(path, found[path], siblings, kinds or {}) for path in deepest]


def shown_value(value: Any) -> str:
    """A value of a file in few letters, as its writer would know it."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{_short(value)}"'
    if isinstance(value, Mapping):
        keys = [_short(str(key)) for key in list(value)[:MOST_KEYS]]
        more = f" and {len(value) - MOST_KEYS} more" if len(value) > MOST_KEYS else ""
        return f"the keys {', '.join(keys)}{more}" if keys else "no keys"
    if isinstance(value, list | tuple | set):
        return f"a list of {len(value)}"
    if isinstance(value, bytes):
        return "bytes"
    if isinstance(value, date):
        return f"the date {value}"
    try:
        return _short(repr(value))
    except ValueError:  # Python writes no number of more than 4,300 digits
        return "a number of thousands of digits"


def _leads_on(values: Any, part: int | str) -> bool:
    """Whether a part of a location is a key or a place in values."""
    if isinstance(values, list):
        return isinstance(part, int) and part < len(values)
    return isinstance(values, Mapping) and part in values


def _path(location: Location, values: Any, kind: str) -> str:
    """Where in the file: pydantic's location without its names for the members of a union."""
    if values is None:
        return ".".join(_short(str(part)) for part in location)
    parts, at = [], values
    for number, part in enumerate(location):
        if _leads_on(at, part):
            at = at[part]
            parts.append(str(part))
        elif kind in ("missing", "invalid_key") and number == len(location) - 1:
            parts.append(str(part))
    return ".".join(_short(part) for part in parts)


def _problem(
    path: str,
    errors: Sequence[dict[str, Any]],
    siblings: Callable[[Location], Sequence[str]],
    kinds: Kinds,
) -> str:
    """One mistake; of a union, what each member allows."""
    first = errors[0]
    kind, where = first["type"], f"{path}: " if path else ""
    if kind == "extra_forbidden":
        known = siblings(first["loc"])
        return f"{where}unknown key" + (f"; {nearest(path.rpartition('.')[2], known)}" if known else "")
    if kind == "missing":
        *above, key = path.split(".")
        return f"{where}missing; add the key {key}" + (f" under {'.'.join(above)}" if above else "")
    if kind == "invalid_key":
        return f"{where}a key is text; found {shown_value(first['input'])}"
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        return _wrong_kind(path, first["input"], *kinds.get(path.split(".")[0], ("kind", ())))
    if kind == "value_error":
        said = str(first["msg"]).removeprefix("Value error, ")
        return f"{where}{said}{_found_scalar(first['input'])}"
    allowed = list(dict.fromkeys(part for one in errors for part in [_allowed(one, siblings)] if part))
    said = f"; allowed: {', or '.join(allowed)}" if allowed else f": {first['msg']}"
    hint = _entry(path, first["input"], kinds) or _hint(errors)
    return f"{where}found {shown_value(first['input'])}{said}{hint}"


def _entry(path: str, value: Any, kinds: Kinds) -> str:
    """What to write in place of the bare name of a kind, or of an entry that is in no list."""
    if path in kinds and isinstance(value, Mapping):
        return _in_a_list(value, kinds[path][1])
    for place, form in ((path, "[{{kind: {}}}]"), (path.rpartition(".")[0], "{{kind: {}}}")):
        if place in kinds and isinstance(value, str) and value in kinds[place][1]:
            return f"; write {form.format(value)}"
    return ""


def _in_a_list(value: Mapping[Any, Any], known: Sequence[str]) -> str:
    """``; write - {kind: lora}`` for ``{kind: lora}`` and for ``{lora: {}}``."""
    first = next(iter(value), None)
    if first in known and len(value) == 1:
        inner = value[first]
        value = {"kind": first, **(inner if isinstance(inner, Mapping) else {})}
    if value.get("kind") not in known:
        return "; write each as an entry: - {kind: ...}"
    in_short = f"{{kind: {value['kind']}, ...}}"
    if len(value) > MOST_KEYS or not {type(part) for part in (*value, *value.values())} <= {str, int, float, bool}:
        return f"; write - {in_short}"
    written = yaml.safe_dump(dict(value), default_flow_style=True, sort_keys=False, width=2**20).strip()
    return f"; write - {written if len(written) <= LONGEST else in_short}"


def _wrong_kind(where: str, value: Any, noun: str, known: Sequence[str]) -> str:
    if not isinstance(value, Mapping):
        kind = value if value in known else next(iter(known), "")
        return f"{where}: found {shown_value(value)}; allowed: keys with values; write {{kind: {kind}}}"
    if "kind" not in value:
        return f"{where}.kind: missing; say which {noun} it is: {', '.join(sorted(known))}"
    found = value["kind"]
    shown = shown_value(found)
    return f"{where}.kind: there is no {noun} {shown}; {nearest(found if isinstance(found, str) else '', known)}"


def _found_scalar(value: Any) -> str:
    """What was found, where that is one value: of a group of keys the message itself names what is wrong."""
    return "" if isinstance(value, Mapping | list) else f" (found {shown_value(value)})"


def _allowed(error: Mapping[str, Any], siblings: Callable[[Location], Sequence[str]]) -> str:
    kind, context = error["type"], error.get("ctx") or {}
    if kind in ("model_type", "model_attributes_type"):
        keys = siblings([*error["loc"], ""])
        return f"keys with values ({', '.join(keys)})" if 0 < len(keys) <= MOST_KEYS else ALLOWED[kind]
    if kind in BOUNDS:
        name, words = BOUNDS[kind]
        return words.format(_number(context.get(name)))
    if kind == "literal_error":
        options = _OPTION.findall(str(context.get("expected", ""))) or [str(context.get("expected", ""))]
        return ", ".join(options)
    return ALLOWED.get(kind, "")


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _hint(errors: Sequence[Mapping[str, Any]]) -> str:
    """What to do, where that is not plain from what is allowed."""
    error, kinds = errors[0], {one["type"] for one in errors}
    value = error["input"]
    if kinds == {"literal_error"} and isinstance(value, str):
        close = nearest(value, _OPTION.findall(str((error.get("ctx") or {}).get("expected", ""))))
        return f"; {close}" if close.startswith("did") else ""
    if kinds == {"list_type"} and isinstance(value, str | int | float) and not isinstance(value, bool):
        return f"; write [{shown_value(value)}]"
    if kinds == {"string_type"} and isinstance(value, int | float | date):
        return "; write it in quotes"
    return ""


def _short(text: str) -> str:
    """One line of at most 80 characters."""
    line = " ".join(text[: 2 * LONGEST].split())
    return line if len(line) <= LONGEST and len(text) <= 2 * LONGEST else f"{line[:LONGEST]}..."
