"""What makes an answer broken text: loops, broken unicode, a template's own tokens, markup that is cut off."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from retain.wording import distinct_share, words_of

LOOP, UNICODE, TEMPLATE, MARKUP = "repetition loop", "broken unicode", "template tokens", "cut-off markup"
ROUNDS = 4
"""A passage that stands so often in a row at the end of an answer is a loop."""
LEAST_WORDS, LEAST_LETTERS = 8, 24
"""A loop has at least this many words, or letters without a space."""
LONGEST_PERIOD = 20
LEAST_TRIPLES = 12
DISTINCT = 0.5
"""Least share of different three-word sequences; the looser of the two bounds that the built-in suites use is 0.6."""
_TEMPLATE = re.compile(
    r"<\|[^|<>\s]{1,40}\|>|</?s>|<(bos|eos|pad|unk)>|\[/?INST\]|<</?SYS>>|<(start|end)_of_turn>"
    r"|^#{2,3} ?(instruction|response|human|assistant|user|input):",
    re.IGNORECASE | re.MULTILINE,
)
_ROLE = re.compile(r"(user|assistant|human|system):?", re.IGNORECASE)
_MOJIBAKE = re.compile("â€[\u0080-\uffff]|Ã[\u0080-\u00bf©¨ª¢¶¼±³¤]|Â[\u0080-\u00bf]|ï»¿")
_NAME = r"[a-zA-Z][\w:-]*"
_WHOLE = r"""\s+[\w:-]+=(?:"[^"\n<>]*"|'[^'\n<>]*'|[^\s"'<>]+)"""
_PART = r"""\s+[\w:-]+=(?:"[^"\n<>]*"?|'[^'\n<>]*'?|[^\s"'<>]*)"""
_OPEN_TAG = re.compile(rf"(?:<{_NAME}(?:{_WHOLE})*{_PART}|</{_NAME}|^<{_NAME})$")
"""At the end of a text; an attribute, a slash or nothing before it tells a tag from "a <b"."""
_PAIRS = {"}": "{", "]": "["}
_QUOTED = re.compile(r'"(\\.|[^"\\])*"')


def noise_kinds(text: str, prompt: str, stopped: bool) -> set[str]:
    """What is broken about an answer; empty for clean text.

    Args:
        text: the answer.
        prompt: what was asked; template tokens and broken characters that stand in it are no fault of the answer.
        stopped: False when it ran into the limit, which excuses markup and a last character that are incomplete.
    """
    found = {
        LOOP: loops(text),
        UNICODE: _broken_unicode(text if stopped else text.rstrip("\ufffd"), prompt),
        TEMPLATE: _template_tokens(text) and not _template_tokens(prompt),
        MARKUP: stopped and cut_off(text),
    }
    return {kind for kind, is_so in found.items() if is_so}


def _template_tokens(text: str) -> bool:
    """Marks of a template, or the name of a role on a line of its own beside other text; "User" alone is an answer."""
    roles = [bool(_ROLE.fullmatch(line.strip())) for line in text.splitlines() if line.strip()]
    return bool(_TEMPLATE.search(text)) or (any(roles) and not all(roles))


def loops(text: str) -> bool:
    """The answer ends in one passage four times or more in a row, or half of its three-word sequences repeat others."""
    words = text.split()
    if _rounds(words, LEAST_WORDS):
        return True
    if any(letter.isalnum() for letter in text[-LEAST_LETTERS:]) and _rounds(text.rstrip(), LEAST_LETTERS):
        return True
    plain = words_of(text)
    return len(plain) >= LEAST_TRIPLES + 2 and distinct_share(plain) < DISTINCT


def _rounds(parts: Sequence[str], least: int) -> bool:
    for period in range(1, min(LONGEST_PERIOD, len(parts) // ROUNDS) + 1):
        place = len(parts) - 1
        while place >= period and parts[place] == parts[place - period]:
            place -= 1
        repeated = len(parts) - 1 - place + period
        if repeated >= max(least, ROUNDS * period) and place < len(parts) - 1:
            return True
    return False


def _broken_unicode(text: str, prompt: str) -> bool:
    strange = {letter for letter in text if _is_broken(letter)}
    return bool(strange - set(prompt)) or bool(_MOJIBAKE.search(text) and not _MOJIBAKE.search(prompt))


def _is_broken(letter: str) -> bool:
    """The replacement character, half a character, private or unassigned ones, control characters but white space."""
    if letter in "\ufffd\t\n\r\f\v":
        return letter == "\ufffd"
    return unicodedata.category(letter) in ("Cs", "Co", "Cn", "Cc")


def cut_off(text: str) -> bool:
    """A code fence, a bracket of JSON or a tag that was opened and not closed."""
    body = text.strip()
    if body.count("```") % 2:
        return True
    if body[:1] in ("{", "["):
        return not _balanced(_QUOTED.sub('""', body))
    return bool(_OPEN_TAG.search(body))


def _balanced(text: str) -> bool:
    stack: list[str] = []
    for letter in text:
        if letter in "{[":
            stack.append(letter)
        elif letter in "}]" and (not stack or stack.pop() != _PAIRS[letter]):
            return False
    return not stack
