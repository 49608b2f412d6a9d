"""What training answers look like: their form can be asked for in words, and an answer tested for it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from retain.probes.answers import rule_for
from retain.probes.rules.json import first_value
from retain.probes.rules.number import is_number
from retain.wording import normalised

MOST_LABELS = 100
"""More distinct answers are no list that a prompt can hold."""
LEAST_REPEATS = 3
"""Answers are labels where each occurs so often on average."""
LABEL_WORDS = 8
"""The longest label."""
NEARLY_ALL = 0.95
SAMPLES = 3
"""Answers that are shown as samples."""


@dataclass(frozen=True)
class Form:
    """The form of most training answers."""

    kind: Literal["labels", "json", "number", "words"]
    labels: tuple[str, ...] = ()
    """``labels``: all of them, the most frequent first."""
    keys: tuple[str, ...] = ()
    """``json``: the keys of the objects, the most frequent first."""
    empty: bool = False
    """``json``: some answers are empty objects or lists."""
    longest: int = 0
    """``words``: the 95th percentile of the answers' words."""
    begins: str = ""
    """``words``: the first word of nearly all answers."""
    samples: tuple[str, ...] = ()
    """Some answers."""

    @property
    def described(self) -> str:
        """The form in words, for a reader."""
        if self.kind == "labels":
            return f"one of {len(self.labels)} labels"
        if self.kind == "json":
            return "JSON" + (f" with the keys {', '.join(self.keys)}" if self.keys else "")
        if self.kind == "number":
            return "a number"
        begins = f" that begins with {self.begins}" if self.begins else ""
        return f"a text of at most {self.longest} words{begins}"

    @property
    def instruction(self) -> str:
        """The form as an instruction to a model."""
        if self.kind == "labels":
            return f"Answer with exactly one of these and nothing else: {', '.join(self.labels)}."
        if self.kind == "json":
            keys = f" Keys that may occur: {', '.join(self.keys)}." if self.keys else ""
            empty = " It may be empty." if self.empty else ""
            return f"Answer with JSON and nothing else.{keys}{empty}"
        if self.kind == "number":
            return "Answer with one number and nothing else."
        begins = f" Begin with {self.begins}." if self.begins else ""
        return f"Answer in at most {self.longest} words, with nothing else.{begins}"

    @property
    def sampled_instruction(self) -> str:
        """The same with samples of answers."""
        samples = "\n".join(f"- {one}" for one in self.samples)
        return f"{self.instruction}\nAnswers to other questions were:\n{samples}"

    def fits(self, answer: str) -> bool:
        """Whether an answer has this form, right or wrong."""
        if self.kind == "labels":
            return normalised(answer) in {normalised(label) for label in self.labels}
        if self.kind == "json":
            value = first_value(answer)
            whole = answer.strip()[:1] in ("{", "[") and answer.strip()[-1:] in ("}", "]")
            return whole and isinstance(value, dict | list) and (isinstance(value, list) or set(value) <= {*self.keys})
        if self.kind == "number":
            return is_number(answer)
        words = answer.split()
        return 0 < len(words) <= self.longest and (not self.begins or words[0] == self.begins)


def form_of(targets: Sequence[str]) -> Form:
    """The form that training answers have.

    Labels where there are at most 100 distinct ones of at most 8 words, each three times on average. Else JSON or a
    number where 95% of the answers are, as the scoring rule ``auto`` has it. Else words: at most as many as 95% of the
    answers have, with a first word where 95% share one and it is not all of them.

    Args:
        targets: answers of training rows, at least one.
    """
    counts = Counter(target.strip() for target in targets)
    rule = rule_for(targets)
    samples = tuple(list(counts)[:SAMPLES])
    if rule == "json":
        values = [first_value(target) for target in targets]
        keys = Counter(key for value in values if isinstance(value, dict) for key in value)
        return Form("json", keys=_frequent(keys), empty=any(not value for value in values), samples=samples)
    few = len(counts) <= MOST_LABELS and len(targets) >= LEAST_REPEATS * len(counts)
    if few and max(len(label.split()) for label in counts) <= LABEL_WORDS:
        return Form("labels", labels=_frequent(counts), samples=samples)
    if rule == "number":
        return Form("number", samples=samples)
    lengths = sorted(len(target.split()) for target in targets)
    longest = lengths[math.ceil(NEARLY_ALL * len(lengths)) - 1]
    first, often = Counter(target.split()[0] for target in targets if target.split()).most_common(1)[0]
    begins = first if often >= NEARLY_ALL * len(targets) and longest > 1 else ""
    return Form("words", longest=max(1, longest), begins=begins, samples=samples)


def _frequent(counts: Counter[str]) -> tuple[str, ...]:
    """The most frequent first, equals by name."""
    return tuple(sorted(counts, key=lambda one: (-counts[one], one)))
