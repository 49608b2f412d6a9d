"""The first JSON value in the answer equals the accepted one."""

from __future__ import annotations

import json
from typing import Any

from retain.probes.rules.item import AnswerItem, Options, needs_answer
from retain.records import Response

MOST_CHARACTERS = 20_000
MOST_ATTEMPTS = 100


class _NoValue:
    """Stands for "there is no JSON here", which null is not."""


NO_VALUE = _NoValue()


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse)


def first_value(text: str) -> Any:
    """The first object or list in a text, in a code fence or in prose; else the whole text as one value.

    Returns:
        The parsed value, or ``NO_VALUE``.
    """
    text = text[:MOST_CHARACTERS]
    starts = [position for position, character in enumerate(text) if character in "{["]
    for start in starts[:MOST_ATTEMPTS]:
        try:
            return _DECODER.raw_decode(text, start)[0]
        except (ValueError, RecursionError):
            continue
    try:
        return _DECODER.decode(text.strip().removeprefix("```json").strip("`").strip())
    except (ValueError, RecursionError):
        return NO_VALUE


def same(one: Any, other: Any) -> bool:
    """Equality of parsed JSON: keys in any order, lists in order, 1 equals 1.0, true does not equal 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return bool(one == other)


def problem(item: AnswerItem, options: Options) -> str | None:
    """Each accepted answer must be JSON."""
    bad = [answer for answer in item.answer if first_value(answer) is NO_VALUE]
    return needs_answer(item) or (f'the answer "{bad[0][:60]}" is not JSON' if bad else None)


def right(response: Response, item: AnswerItem, options: Options) -> bool:
    """The whole value counts: a missing or an additional key is wrong."""
    given = first_value(response.text)
    return given is not NO_VALUE and any(same(given, first_value(answer)) for answer in item.answer)
