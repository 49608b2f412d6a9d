"""What all questions of a task begin with, such as its instructions: said once where solved examples come first."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

from retain.data.example import Example


def opening_of(rows: Sequence[Example]) -> str:
    """The whole lines that every question begins with.

    Empty where there are none, where questions have several turns, or where a question is nothing but these lines.

    Args:
        rows: the training rows, of chat shape.
    """
    turns = [[turn.content for turn in row.prompt if turn.role != "system"] for row in rows]
    if len(turns) < 2 or any(len(one) != 1 for one in turns):
        return ""
    questions = [one[0] for one in turns]
    pairs = zip(min(questions), max(questions), strict=False)  # what these two share, all between them share
    shared = "".join(letter for letter, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    shared = shared[: shared.rfind("\n") + 1]
    return shared if all(question[len(shared) :].strip() for question in questions) else ""
