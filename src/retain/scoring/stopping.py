"""Stop strings, looked for in the end of an answer while it is being written."""

from __future__ import annotations

from retain.scoring.writing import Stops, Written

SPARE_TOKENS = 4
"""Decoded beyond what the longest stop string can span: tokens without text of their own, such as special ones."""


def holds_stop(ids: list[int], stops: Stops) -> bool:
    """Whether the newest token of an answer completed a stop string.

    Only the last few tokens are decoded: a token with text has at least one byte, so a stop string spans no more
    tokens than it has bytes. What they seem to hold is confirmed in the whole text, because some tokenizers decode
    the beginning of a text differently.
    """
    if not stops.strings:
        return False
    tail = stops.decode(ids[-_span(stops.strings) :])
    found = [stop for stop in stops.strings if stop in tail]
    if not found:
        return False
    text = stops.decode(ids)
    return any(stop in text for stop in found)


def _span(strings: tuple[str, ...]) -> int:
    return max(len(string.encode()) for string in strings) + SPARE_TOKENS


def judge(ids: list[int], ends: set[int], stops: Stops, max_tokens: int) -> Written | None:
    """The finished answer if the newest token ended it, by an end token, a stop string or the limit; else None.

    Args:
        ids: what was written so far, the newest token included.
        ends: end tokens, which are no part of the answer.
        stops: strings that end an answer; the token that completes one is kept.
        max_tokens: the limit.
    """
    if ids[-1] in ends:
        return Written(ids[:-1], True)
    if holds_stop(ids, stops):
        return Written(ids, True)
    return Written(ids, False) if len(ids) >= max_tokens else None
