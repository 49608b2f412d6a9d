"""An accepted answer occurs in the answer, as whole words."""

from __future__ import annotations

import re

from retain.probes.rules.item import AnswerItem, Options, needs_answer
from retain.records import Response
from retain.wording import normalised, refuses


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
