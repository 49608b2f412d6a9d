"""A pattern is found in the answer."""

from __future__ import annotations

import regex

from retain.probes.rules.item import AnswerItem, CannotScore, Options
from retain.records import Response

MOST_CHARACTERS = 4_000
"""Only the beginning of an answer is searched."""


def problem(item: AnswerItem, options: Options) -> str | None:
    """It needs a pattern that compiles and that an empty answer does not match."""
    if not item.pattern:
        return "it has no pattern"
    try:
        compiled = regex.compile(item.pattern)
    except regex.error as error:
        return f'the pattern "{item.pattern}" is wrong: {error}'
    return f'the pattern "{item.pattern}" matches an empty answer' if compiled.search("") else None


def right(response: Response, item: AnswerItem, options: Options) -> bool:
    """Searched anywhere in the first 4,000 characters, stripped; anchor it with ``^`` and ``$``."""
    text = response.text.strip()[:MOST_CHARACTERS]
    try:
        return bool(text) and regex.search(item.pattern, text, timeout=options.time_limit) is not None
    except TimeoutError:
        raise CannotScore(f"the pattern took longer than {options.time_limit:g} s") from None
