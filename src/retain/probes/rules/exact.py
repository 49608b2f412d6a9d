"""The whole answer equals an accepted one, whatever its case, white space and surrounding punctuation."""

from __future__ import annotations

from retain.probes.rules.item import AnswerItem, Options, needs_answer
from retain.records import Response
from retain.wording import normalised


def problem(item: AnswerItem, options: Options) -> str | None:
    """It needs an accepted answer."""
    return needs_answer(item)


def right(response: Response, item: AnswerItem, options: Options) -> bool:
    """All of the answer, not only its first line: an answer that goes on is not the answer asked for."""
    given = normalised(response.text)
    return bool(given) and any(given == normalised(answer) for answer in item.answer)
