"""Rows without a fault, written by chance: made-up content words between English function words, in topics.

The words mean nothing, so that nothing about them was chosen for a check; how often they come (a word's rank, a topic's
share) is as in prose.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from typing import Any

ONSETS = (
    "b",
    "br",
    "c",
    "cl",
    "d",
    "dr",
    "f",
    "fl",
    "g",
    "gr",
    "h",
    "j",
    "k",
    "l",
    "m",
    "n",
    "p",
    "pl",
    "r",
    "s",
    "sh",
    "t",
)
VOWELS = ("a", "e", "i", "o", "u", "ai", "ea", "oo", "ou")
CODAS = ("", "", "b", "ck", "d", "ft", "l", "m", "n", "nd", "p", "r", "rm", "s", "st", "t", "x")
FUNCTION = tuple(
    word
    for line in ("the a of to and in is for on with that it as at by from", "this be are or an was not can how what")
    for word in line.split()
)
TOPICS, TOPIC_WORDS, COMMON_WORDS = 20, 60, 1500
LABELS = ("returns", "delivery", "invoice", "account", "warranty", "complaint", "praise", "other question")

Row = dict[str, Any]


class Writer:
    """Writes sentences and rows; the same seed writes the same."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        words: dict[str, None] = {}
        while len(words) < COMMON_WORDS + TOPICS * TOPIC_WORDS:
            words[self._word()] = None
        listed = list(words)
        self.common = listed[:COMMON_WORDS]
        rest = listed[COMMON_WORDS:]
        self.topics = [rest[start : start + TOPIC_WORDS] for start in range(0, len(rest), TOPIC_WORDS)]
        self.ranks = [1 / (rank + 50) for rank in range(COMMON_WORDS)]
        self.own_ranks = [1 / (rank + 2) for rank in range(TOPIC_WORDS)]

    def _word(self) -> str:
        count = self.random.choice((1, 2, 2, 2, 3))
        return "".join(
            self.random.choice(ONSETS) + self.random.choice(VOWELS) + self.random.choice(CODAS) for _ in range(count)
        )

    def sentence(self, topic: int, words: int, end: str = ".") -> str:
        """A sentence with so many content words, half of them the topic's."""
        said: list[str] = []
        for _ in range(words):
            said += self.random.choices(FUNCTION, k=self.random.choice((0, 1, 1)))
            own = self.random.random() < 0.5
            said.append(self._of(self.topics[topic], self.own_ranks) if own else self._of(self.common, self.ranks))
        return " ".join(said).capitalize() + end

    def _of(self, words: Sequence[str], weights: Sequence[float]) -> str:
        return self.random.choices(words, weights=weights)[0]

    def question(self, topic: int) -> str:
        """What a user asks: one or two sentences."""
        more = [self.sentence(topic, self.random.randint(4, 9))] if self.random.random() < 0.5 else []
        return " ".join([*more, self.sentence(topic, self.random.randint(5, 11), "?")])

    def prose(self, topic: int) -> str:
        """An answer of some sentences."""
        return " ".join(self.sentence(topic, self.random.randint(4, 10)) for _ in range(self.random.randint(1, 4)))

    def rows(self, count: int, kind: str = "open", topics: int = TOPICS) -> list[Row]:
        """Rows of one kind (``KINDS``), topics in turn, in an order drawn by the seed."""
        rows = [KINDS[kind](self, number % topics) for number in range(count)]
        self.random.shuffle(rows)
        return rows


def chat(question: str, answer: str) -> Row:
    """A row of one question and one answer."""
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


def _labelled(writer: Writer, topic: int) -> Row:
    return chat(writer.question(topic), LABELS[topic % len(LABELS)])


def _as_json(writer: Writer, topic: int) -> Row:
    asked = writer.question(topic)
    named = writer.random.sample([word.strip(".?") for word in asked.split()], 2)
    return chat(asked, json.dumps({"item": named[0], "reason": named[1]}))


def _preference(writer: Writer, topic: int) -> Row:
    return {"prompt": writer.question(topic), "chosen": writer.prose(topic), "rejected": writer.prose(topic)}


def _ranking(writer: Writer, topic: int) -> Row:
    others = [writer.prose(topic), writer.prose(writer.random.randrange(TOPICS))]
    return {"query": writer.question(topic), "pos": writer.prose(topic), "neg": others}


KINDS: dict[str, Callable[[Writer, int], Row]] = {
    "open": lambda writer, topic: chat(writer.question(topic), writer.prose(topic)),
    "labels": _labelled,
    "json": _as_json,
    "preference": _preference,
    "ranking": _ranking,
    "text": lambda writer, topic: {"text": f"{writer.prose(topic)} {writer.prose(topic)}"},
}
"""Kinds of rows -> how one is written."""
