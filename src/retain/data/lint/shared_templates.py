"""Held-out rows that are training rows with other names and numbers in them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from retain.data.example import Example
from retain.data.lint.base import Check, Finding, part
from retain.data.lint.material import LintData, asked

MANY = 0.3
"""Share of the held-out rows from which it is said. Short questions that people wrote by themselves share a frame now
and then (banking77's test: see docs/LOG.md, 2026-11-22); rows that a program wrote share one nearly always."""
FEWEST_WORDS = 3
"""Words that a frame must keep: "what is the _" is a frame, "hello _" is none."""
LONGEST = 60
"""Words of a longer input are not compared one by one: such texts are no templates with a word in them."""
RARE = 0.01
"""Words in fewer of the rows are names: they stand for any other."""
LEAST_RARE = 2
STRUCTURED = 6
"""Least words of an answer whose own frame is looked at, such as a query's."""
LEAST_DISTINCT = 0.1
"""Distinct frames among the answers; with fewer they are kinds of answer, such as the slots that were filled."""
MOST_SIGNS = 0.2
"""Least share of signs among an answer's tokens; prose has about a tenth."""
_TOKEN = re.compile(r"\"[^\"]*\"|\w+(?:[.]\w+)*|[^\w\s]")
_QUOTED = re.compile(r"\"([^\"]*)\"")
_WORD = re.compile(r"[^\W\d_]+|\d+")
SLOT = "_"


class SharedTemplates(Check):
    """Held-out rows with a training row's frame: the same words but for names, numbers and what the answer copies.

    A random split of rows that were made from templates measures the templates, not the task: Finegan-Dollak et al.
    2018 (arXiv 1806.09029) found accuracies of text-to-SQL systems to fall by half where templates were kept apart. A
    frame is an input in which rare words, numbers and words that the answer copies are blanks, or one word more is; or
    an answer of at least six words, such as a query, in which quoted text, numbers and copied words are.
    Threshold: 30% of the held-out rows.
    Relations: `held_out_duplicates` finds rows that are nearly the same; `unlike_real_prompts` compares with real use.
    """

    needs = ("held_out",)
    shapes = ("chat", "preference")

    def find(self, data: LintData) -> list[Finding]:
        """At most one finding, about held-out rows."""
        rows = [*data.examples, *data.held_out]
        words = [_words(asked(row)) for row in rows]
        known = Counter(word for row in words for word in set(row))
        rare = max(LEAST_RARE, RARE * len(rows))
        names = {word for word, count in known.items() if count <= rare}
        frames = [_frame(row, own, names) for row, own in zip(rows, words, strict=True)]
        number = len(data.examples)
        trained = {one for frame in frames[:number] for one in _forms(frame)}
        answers, held_out = _answer_frames(data)
        shared = [
            row
            for row, frame, answer in zip(data.held_out, frames[number:], held_out, strict=True)
            if answer in answers or any(one in trained for one in _forms(frame))
        ]
        if len(shared) < MANY * len(data.held_out):
            return []
        what = f"{part(len(shared), len(data.held_out), 'held-out row')} share their template with a training row."
        do = "Split by template, so that held-out rows are asked in ways that were not trained, or add real ones."
        return [self.finding("warning", shared, len(data.held_out), what, do)]


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())[: LONGEST + 1]


def _frame(row: Example, words: Sequence[str], names: set[str]) -> tuple[str, ...]:
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


def _forms(frame: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The frame itself, and with one word more left blank."""
    kept = sum(word != SLOT for word in frame)
    if kept >= FEWEST_WORDS and SLOT in frame:
        yield frame
    if kept > FEWEST_WORDS:
        for place, word in enumerate(frame):
            if word != SLOT:
                yield (*frame[:place], "*", *frame[place + 1 :])


def _quoted(answer: str) -> str:
    """The parts of an answer that stand in double quotes, which is what it copies from the input."""
    return " ".join(_QUOTED.findall(answer)).casefold()


def _answer_frames(data: LintData) -> tuple[set[tuple[str, ...]], list[tuple[str, ...] | None]]:
    """The answer frames of the training rows, and of each held-out row; nothing where few frames serve all rows."""
    mine = [frame for frame in map(_answer_frame, data.examples) if frame is not None]
    distinct = set(mine)
    if len(mine) < len(data.examples) / 2 or len(distinct) < LEAST_DISTINCT * len(mine):
        return set(), [None] * len(data.held_out)
    return distinct, [_answer_frame(row) for row in data.held_out]


def _answer_frame(row: Example) -> tuple[str, ...] | None:
    """A structured answer with blanks for quoted values and numbers; None for answers of few words and for prose."""
    tokens = _TOKEN.findall(row.target.casefold()[:4000])
    signs = sum(len(token) == 1 and not token.isalnum() for token in tokens)
    if len(tokens) < STRUCTURED or signs < MOST_SIGNS * len(tokens):
        return None
    return tuple(
        SLOT if token[0].isdigit() or (token[0] == '"' and after != ":") else token
        for token, after in zip(tokens, [*tokens[1:], ""], strict=True)
    )
