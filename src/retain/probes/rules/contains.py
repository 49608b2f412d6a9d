"""An accepted answer occurs in the answer, as whole words."""

from __future__ import annotations

import re

from retain.probes.rules.exact import normalised
from retain.probes.rules.item import AnswerItem, Options, needs_answer
from retain.records import Response

_REFUSAL = re.compile(
    r"^(well, )?(i['’]?m sorry|i am sorry|sorry|i apologi[sz]e|unfortunately)?[ ,.]*(but )?"
    r"(as an ai\b[^.]*?)?"
    r"\b(i (can['’]?t|cannot|can not|won['’]?t|will not|do not know|don['’]?t know)"
    r"|i['’]?m (not able|unable|not sure)|i am (not able|unable|not sure))\b"
)


def refuses(text: str) -> bool:
    """True when an answer begins by declining ("I'm sorry, but I can't ...", "I don't know ...")."""
    return bool(_REFUSAL.match(normalised(text)))


def problem(item: AnswerItem, options: Options) -> str | None:
    """It needs an accepted answer."""
    return needs_answer(item)


def right(response: Response, item: AnswerItem, options: Options) -> bool:
    """Whole words only: "know" does not contain "no". A refusal is wrong even where it repeats the answer.

    It cannot tell "not Paris" from "Paris", nor an answer that lists everything: give such items
    ``max_words``.
    """
    if item.max_words is not None and len(response.text.split()) > item.max_words:
        return False
    given = normalised(response.text)
    if not given or refuses(response.text):
        return False
    accepted = (re.escape(normalised(answer)) for answer in item.answer)
    return any(re.search(rf"(?<!\w){answer}(?!\w)", given) for answer in accepted)
