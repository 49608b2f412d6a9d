"""Held-out rows that are training rows with other names and numbers in them."""

from __future__ import annotations

import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from retain.data.example import Example
from retain.data.lint.base import Check, Finding, part
from retain.data.lint.material import LintData, asked
from retain.data.lint.target_formats import FORMATS, format_of

MANY = 0.3
"""Share of the held-out rows from which it is said. Short questions that people wrote by themselves share a frame now
and then; rows that a program wrote share one nearly always (docs/LOG.md, 2026-11-22)."""
SAME = 0.65
"""Least share of the places of two frames of one length that hold the same word."""
FEWEST_WORDS = 4
"""And so many words that are no blanks: "what is the price of _" is a frame, "hello _" is none."""
LONGEST = 60
"""Words of a longer input are not compared place by place: such texts are no templates with a word in them."""
TRIES = 16
PLACES = 4
"""Frames are compared where they agree in one of 16 draws of 4 places (bit sampling; Gionis, Indyk, Motwani 1999): of
those that agree in .65 of their places 95% are met, of those in .8 all but one in 4,000."""
MOST_COMPARED = 30
RARE = 0.01
"""Words in fewer of the rows are names: they stand for any other."""
LEAST_RARE = 2
TEMPLATE = 0.5
"""Words in more of the rows are an instruction that all of them carry; they are left out."""
STRUCTURED = 6
"""Least words of an answer whose own frame is looked at, such as a query's."""
LEAST_DISTINCT = 0.1
"""Distinct frames among the answers; with fewer they are kinds of answer, such as the slots that were filled."""
_TOKEN = re.compile(r"\"[^\"]*\"|\w+(?:[.]\w+)*|[^\w\s]")
_QUOTED = re.compile(r"\"([^\"]*)\"")
_WORD = re.compile(r"[^\W\d_]+|\d+")
SLOT = "_"
Frame = tuple[str, ...]


class SharedTemplates(Check):
    """Held-out rows with a training row's frame: the same words in the same places but for names, numbers and copies.

    A random split of rows that were made from templates measures the templates, not the task: Finegan-Dollak et al.
    2018 (arXiv 1806.09029) found systems that write SQL to get far fewer right where templates were kept apart. A
    frame is an input in which rare words, numbers and what the answer copies are blanks; two are the same where 65% of
    their places and at least four words agree. The frame of a structured answer of at least six words, such as a query,
    is all of it but quoted values and numbers.
    Threshold: 30% of the held-out rows.
    Relations: `held_out_duplicates` finds rows that are nearly the same; `unlike_real_prompts` compares with real use.
    """

    needs = ("held_out",)
    shapes = ("chat", "preference")

    def find(self, data: LintData) -> list[Finding]:
        """At most one finding, about held-out rows."""
        rows = [*data.examples, *data.held_out]
        words = [_words(asked(row)) for row in rows]
        rows_with = Counter(word for row in words for word in set(row))
        rare = max(LEAST_RARE, RARE * len(rows))
        names = {word for word, count in rows_with.items() if count <= rare}
        shared_by_all = {word for word, count in rows_with.items() if count > TEMPLATE * len(rows)}
        told = [[word for word in row if word not in shared_by_all] for row in words]
        frames = [_frame(row, own, names) for row, own in zip(rows, told, strict=True)]
        number = len(data.examples)
        known = _Frames(frames[:number])
        answers, held_out = _answer_frames(data)
        shared = [
            row
            for row, frame, answer in zip(data.held_out, frames[number:], held_out, strict=True)
            if answer in answers or known.has(frame)
        ]
        if len(shared) < MANY * len(data.held_out):
            return []
        what = f"{part(len(shared), len(data.held_out), 'held-out row')} share their template with a training row."
        do = "Split by template, so that held-out rows are asked in ways that were not trained, or add real ones."
        return [self.finding("warning", shared, len(data.held_out), what, do)]


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _frame(row: Example, words: Sequence[str], names: set[str]) -> Frame:
    """The input's words with one blank for each run of names, numbers and copied words; empty for long inputs."""
    if len(words) > LONGEST:
        return ()
    copied = set(_WORD.findall(_quoted(row.target)))
    frame: list[str] = []
    for word in words:
        blank = word in names or word.isdigit() or word in copied
        if not blank or frame[-1:] != [SLOT]:
            frame.append(SLOT if blank else word)
    return tuple(frame)


class _Frames:
    """Frames by the words in drawn places."""

    def __init__(self, frames: Sequence[Frame]) -> None:
        self.draws = {length: _draws(length) for length in range(FEWEST_WORDS, LONGEST + 1)}
        self.buckets: dict[tuple[object, ...], list[Frame]] = defaultdict(list)
        for frame in dict.fromkeys(frames):
            for key in self._keys(frame):
                if len(self.buckets[key]) < MOST_COMPARED:
                    self.buckets[key].append(frame)

    def _keys(self, frame: Frame) -> Iterator[tuple[object, ...]]:
        for number, places in enumerate(self.draws.get(len(frame), ())):
            yield len(frame), number, *(frame[place] for place in places)

    def has(self, frame: Frame) -> bool:
        """Whether a frame like this one is known."""
        return any(_alike(frame, other) for key in self._keys(frame) for other in self.buckets.get(key, ()))


def _draws(length: int) -> list[list[int]]:
    chance = random.Random(length)
    return [sorted(chance.sample(range(length), PLACES)) for _ in range(TRIES)]


def _alike(one: Frame, other: Frame) -> bool:
    agreed = [word for word, its in zip(one, other, strict=True) if word == its]
    return len(agreed) >= SAME * len(one) and sum(word != SLOT for word in agreed) >= FEWEST_WORDS


def _quoted(answer: str) -> str:
    """The parts of an answer that stand in double quotes, which is what it copies from the input."""
    return " ".join(_QUOTED.findall(answer)).casefold()


def _answer_frames(data: LintData) -> tuple[set[Frame], list[Frame | None]]:
    """The answer frames of the training rows, and of each held-out row; nothing where few frames serve all rows."""
    mine = [frame for frame in map(_answer_frame, data.examples) if frame is not None]
    distinct = set(mine)
    if len(mine) < len(data.examples) / 2 or len(distinct) < LEAST_DISTINCT * len(mine):
        return set(), [None] * len(data.held_out)
    return distinct, [_answer_frame(row) for row in data.held_out]


def _answer_frame(row: Example) -> Frame | None:
    """A structured answer with blanks for quoted values and numbers; None for answers of few words and for prose."""
    tokens = _TOKEN.findall(row.target.casefold()[:4000])
    if len(tokens) < STRUCTURED or format_of(row.target) not in FORMATS:
        return None
    return tuple(
        SLOT if token[0].isdigit() or (token[0] == '"' and after != ":") else token
        for token, after in zip(tokens, [*tokens[1:], ""], strict=True)
    )
