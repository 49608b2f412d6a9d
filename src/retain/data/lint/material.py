"""What the checks look at: the rows, what else was given, and what several checks compute from them once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from retain.data.encoding import Labelled
from retain.data.example import Example
from retain.data.lint.about import Topics, find_topics
from retain.data.lint.masking import masked, sensitive_parts
from retain.data.lint.near import Groups, group_texts
from retain.data.lint.patterns import Hit
from retain.data.rows import BadRow
from retain.data.splits import folded

CLOSED = 0.5
"""Answers form a closed set where at least this share of the rows has an answer that another row has as well."""
LEAST_CLOSED = 20
"""Fewer rows say nothing about that."""


@dataclass(frozen=True)
class LintData:
    """Rows of one shape, and what else a check may need. Only ``examples`` must be there."""

    examples: Sequence[Example]
    held_out: Sequence[Example] = ()
    """Dev, test and shifted rows: never trained."""
    measured: Sequence[Example] = ()
    """Those of them that the gain is measured on; all of them when empty."""
    real: Sequence[str] = ()
    """Prompts as they come in use."""
    tokenizer: Any = None
    """A transformers tokenizer."""
    max_length: int | None = None
    """Most tokens of a training row."""
    loss_on: Labelled = "completion"
    """Which tokens are trained."""
    items: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)
    """Probe -> (item id, text) of each of its items."""
    bad: Sequence[BadRow] = ()
    """Rows that could not be read."""
    source: str = ""

    def has(self, need: str) -> bool:
        """Whether something that a check needs was given."""
        value = getattr(self, need)
        return value is not None if need in ("tokenizer", "max_length") else len(value) > 0

    @property
    def shape(self) -> str:
        """The rows' shape; empty where none could be read."""
        return self.examples[0].shape if self.examples else ""

    @cached_property
    def inputs(self) -> list[str]:
        """What is asked, of the training rows."""
        return [example.input for example in self.examples]

    @cached_property
    def input_keys(self) -> list[str]:
        """Inputs without regard to case and white space."""
        return [folded(text) for text in self.inputs]

    @cached_property
    def targets(self) -> list[str]:
        """The answers, of the training rows."""
        return [example.target for example in self.examples]

    @cached_property
    def answers(self) -> list[str]:
        """All that a row teaches beside its input, without regard to case and white space."""
        return [_answer(example) for example in self.examples]

    @cached_property
    def sensitive(self) -> dict[int, list[tuple[str, Hit]]]:
        """Secrets and personal data of the training rows: place of a row -> each with the text that it is in."""
        found = (
            (place, [(text, hit) for text in texts_of(example) for hit in sensitive_parts(text)])
            for place, example in enumerate(self.examples)
        )
        return {place: held for place, held in found if held}

    @cached_property
    def asked(self) -> list[str]:
        """The last thing that was said before the answer, of the training rows; masked, as words of it are shown."""
        said = (asked(example) for example in self.examples)
        return [masked(text) if place in self.sensitive else text for place, text in enumerate(said)]

    @cached_property
    def near(self) -> Groups:
        """Nearly the same inputs, of training rows and then of held-out rows."""
        return group_texts([*self.inputs, *(example.input for example in self.held_out)])

    @cached_property
    def topics(self) -> tuple[Topics, ...]:
        """What the rows are about, but for those nearly like an earlier one; empty where there are too few to tell."""
        firsts = {place for place, first in enumerate(self.near.of[: len(self.asked)]) if place == first}
        return find_topics([text if place in firsts else "" for place, text in enumerate(self.asked)])

    @cached_property
    def closed(self) -> bool:
        """Answers repeat, as labels and slots do; open answers are each their own."""
        if self.shape != "chat" or len(self.examples) < LEAST_CLOSED:
            return False
        known = Counter(self.answers)
        return sum(count for count in known.values() if count > 1) >= CLOSED * len(self.answers)


def asked(example: Example) -> str:
    """The last user turn before the answer; the text or the query where there are no turns."""
    said = [message.content for message in example.prompt if message.role == "user"]
    return said[-1] if said else example.input


def _answer(example: Example) -> str:
    if example.shape == "preference":
        return folded(f"{example.chosen}\n\x1f{example.rejected}")
    if example.shape == "ranking":
        return folded("\x1f".join(example.positives))
    return folded(example.target) if example.shape == "chat" else ""


def texts_of(example: Example) -> list[str]:
    """Every text of a row, for checks that look at all of it."""
    turns = [message.content for message in example.messages]
    rest = (example.text, example.chosen, example.rejected, example.query, *example.positives, *example.negatives)
    return [*turns, *(text for text in rest if text)]
