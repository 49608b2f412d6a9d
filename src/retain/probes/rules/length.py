"""The answer has as many words as asked for, and the model ended it by itself."""

from __future__ import annotations

from retain.probes.rules.item import AnswerItem, Options
from retain.records import Response


def problem(item: AnswerItem, options: Options) -> str | None:
    """It needs a bound."""
    return None if item.min_words or item.max_words else "it has neither min_words nor max_words"


def right(response: Response, item: AnswerItem, options: Options) -> bool:
    """Words are what white space separates. An answer cut off by the token limit is wrong."""
    words = len(response.text.split())
    return response.stopped and words > 0 and (item.min_words or 1) <= words <= (item.max_words or words)
