"""How an answer is worded: what it is whatever its case and marks, whether it declines, how far it repeats itself."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

_QUOTES = "\"'`*_“”‘’«» "
_ENDS = _QUOTES + ".,;:!?"
_REFUSAL = re.compile(
    r"^(well, )?(i['’]?m sorry|i am sorry|sorry|i apologi[sz]e|unfortunately)?[ ,.]*(but )?"
    r"(as an ai\b[^.]*?)?"
    r"\b(i (can['’]?t|cannot|can not|won['’]?t|will not|do not know|don['’]?t know)"
    r"|i['’]?m (not able|unable|not sure)|i am (not able|unable|not sure))\b"
)
_BEGINNING = 200
"""Characters in which an answer that declines says so."""
_UNABLE = re.compile(
    r"\b(i|we)\s*(can['’]?t|cannot|can not|could not|couldn['’]?t|won['’]?t|will not|['’]?m (not able|unable)( to)?"
    r"|(am|are) (not able|unable)( to)?|must decline( to)?|do(n['’]?t| not) have the (ability|capability|capacity) to)"
    r"\s+((directly|really|actually|legally|ethically|in good conscience)\s+)?"
    r"(help|assist|provide|answer|comply|fulfil+|do (that|this)|create|write|generate|engage|support|share|offer|give"
    r"|access|tell|discuss|continue|complete|perform|process|participate|respond|browse|advise|recommend)\b"
)
_RULES = re.compile(r"\b(against|violates?) (my|our) (guidelines|polic(y|ies)|programming|principles)\b")


def normalised(text: str) -> str:
    """Case folded, white space collapsed, without quotes and emphasis around it and punctuation at its end.

    Punctuation at the beginning stays (``.5`` is not ``5``), and so does everything inside.
    """
    plain = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    return plain.lstrip(_QUOTES).rstrip(_ENDS) or plain


def refuses(text: str) -> bool:
    """True when an answer begins by declining ("I'm sorry, but I can't ...", "I don't know ...")."""
    return bool(_REFUSAL.match(normalised(text)))


def declines(text: str) -> bool:
    """True when an answer says in its first 200 characters that it will not or cannot answer.

    Wider than ``refuses``, which decides scores: also after an apology and a reason ("I'm sorry for any confusion, but
    as a chatbot I don't have the ability to ..."). "I'm sorry to hear that" alone declines nothing.
    """
    start = normalised(text)[:_BEGINNING]
    return refuses(text) or bool(_UNABLE.search(start) or _RULES.search(start))


def words_of(text: str) -> list[str]:
    """Words in lower case, without punctuation."""
    return re.findall(r"\w+(?:['’-]\w+)*", text.casefold())


def distinct_share(words: Sequence[str]) -> float:
    """Share of different three-word sequences; 1 for fewer than three words."""
    triples = list(zip(words, words[1:], words[2:], strict=False))
    return len(set(triples)) / len(triples) if triples else 1.0
