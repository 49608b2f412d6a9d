"""The whole answer equals an accepted one, whatever its case, white space and surrounding punctuation."""

from __future__ import annotations

import unicodedata

from retain.probes.rules.item import AnswerItem, Options, needs_answer
from retain.records import Response

_QUOTES = "\"'`*_“”‘’«» "
_ENDS = _QUOTES + ".,;:!?"


def normalised(text: str) -> str:
    """Case folded, white space collapsed, without quotes and emphasis around it and punctuation at its end.

    Punctuation at the beginning stays (``.5`` is not ``5``), and so does everything inside.
    """
    plain = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    return plain.lstrip(_QUOTES).rstrip(_ENDS) or plain


def problem(item: AnswerItem, options: Options) -> str | None:
    """It needs an accepted answer."""
    return needs_answer(item)


def right(response: Response, item: AnswerItem, options: Options) -> bool:
    """All of the answer, not only its first line: an answer that goes on is not the answer asked for."""
    given = normalised(response.text)
    return bool(given) and any(given == normalised(answer) for answer in item.answer)
