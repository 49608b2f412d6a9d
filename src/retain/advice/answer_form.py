"""What training answers look like: their form can be asked for in words, and an answer tested for it."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from retain.errors import UserError
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
_FINAL = re.compile(r"#### *[-\d,.$]+\s*$")
"""GSM8K's end of an answer that reasons first."""


@dataclass(frozen=True)
class AnswerForm:
    """The form of most training answers, such as a prompt can ask for."""

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
    final: bool = False
    """``words``: nearly all answers end with ``#### number``."""
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
        ends = " with #### and a number at its end" if self.final else ""
        return f"a text of at most {self.longest} words{begins}{ends}"

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
        if self.final:
            return f"Answer in at most {self.longest} words.{begins} Reason first, and end with #### and the number."
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
        short = 0 < len(words) <= self.longest
        return short and self.begins in ("", words[0]) and (not self.final or bool(_FINAL.search(answer)))

    @property
    def quotable(self) -> bool:
        """Whether a document may hold such an answer as it is.

        None holds JSON, a query or reasoning word for word, and short labels stand in many by chance.
        """
        return self.kind == "number" or (self.kind == "words" and not self.begins and not self.final)


def answer_form(targets: Sequence[str]) -> AnswerForm:
    """The form that training answers have.

    JSON where 95% of the answers are, as the scoring rule ``auto`` has it. Else labels where there are at most 100
    distinct ones of at most 8 words, each three times on average. Else a number where 95% are nothing else. Else words:
    at most as many as 95% of the answers have, with a first word where 95% share one and it is not all of them, and
    with ``#### number`` at the end where 95% have that.

    Args:
        targets: answers of training rows; empty ones do not count.

    Raises:
        UserError: all are empty.
    """
    targets = [target for target in targets if target.strip()]
    if not targets:
        raise UserError("no training answer holds any text, so that there is no form that they have")
    counts = Counter(target.strip() for target in targets)
    samples = tuple(list(counts)[:SAMPLES])
    if rule_for(targets) == "json":
        values = [first_value(target) for target in targets]
        keys = Counter(key for value in values if isinstance(value, dict) for key in value)
        return AnswerForm("json", keys=_frequent(keys), empty=any(not value for value in values), samples=samples)
    few = len(counts) <= MOST_LABELS and len(targets) >= LEAST_REPEATS * len(counts)
    if few and max(len(label.split()) for label in counts) <= LABEL_WORDS:
        return AnswerForm("labels", labels=_frequent(counts), samples=samples)
    enough = NEARLY_ALL * len(targets)
    if sum(map(is_number, targets)) >= enough:
        return AnswerForm("number", samples=samples)
    lengths = sorted(len(target.split()) for target in targets)
    longest = lengths[math.ceil(NEARLY_ALL * len(lengths)) - 1]
    first, often = Counter(target.split()[0] for target in targets).most_common(1)[0]
    begins = first if often >= enough and longest > 1 else ""
    final = sum(bool(_FINAL.search(target)) for target in targets) >= enough
    return AnswerForm("words", longest=longest, begins=begins, final=final, samples=samples)


def _frequent(counts: Counter[str]) -> tuple[str, ...]:
    """The most frequent first, equals by name."""
    return tuple(sorted(counts, key=lambda one: (-counts[one], one)))
