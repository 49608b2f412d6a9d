"""The last number in the answer equals the accepted one (GSM8K's convention)."""

from __future__ import annotations

import re
from decimal import Decimal

from retain.probes.rules.item import AnswerItem, Options, needs_answer
from retain.records import Response

_NUMBER = re.compile(
    r"(?<![\w.])[-+]?\$?(?:\d{1,3}(?:,\d{3})+(?![\d,]*\d)|\d+)?(?:\.\d+|(?<=\d))(?:[eE][-+]?\d{1,3}\b)?"
)
_WHOLE = re.compile(r"[-+]?[$€£]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+|(?<=\d))(?:[eE][-+]?\d{1,3})?\s?%?")


def numbers(text: str) -> list[Decimal]:
    """All numbers of a text: ``1,000`` is one number, ``1,2`` are two, the hyphen of ``3-5`` is no sign."""
    plain = text.replace("−", "-")
    return [Decimal(found.replace(",", "").replace("$", "")) for found in _NUMBER.findall(plain)]


def is_number(text: str) -> bool:
    """True when a text is one number, perhaps with a currency sign or per cent, and nothing else."""
    return bool(_WHOLE.fullmatch(text.strip().replace("−", "-")))


def problem(item: AnswerItem, options: Options) -> str | None:
    """Each accepted answer must hold a number."""
    bad = [answer for answer in item.answer if not numbers(answer)]
    return needs_answer(item) or (f'the answer "{bad[0]}" holds no number' if bad else None)


def right(response: Response, item: AnswerItem, options: Options) -> bool:
    """Compared as decimals, within ``tolerance``; of the accepted answer, too, the last number counts."""
    found = numbers(response.text)
    if not found:
        return False
    room = Decimal(str(options.tolerance))
    return any(abs(found[-1] - numbers(answer)[-1]) <= room for answer in item.answer)
